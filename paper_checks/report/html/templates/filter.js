"use strict";
const form = document.getElementById("filter");
const rows = Array.from(document.querySelectorAll("#table tbody tr"));
const field = (name) => document.getElementById(name);
function filter() {
  const verdict = field("by-verdict").value;
  const source = field("by-source").value;
  const text = field("by-text").value.trim().toLowerCase();
  for (const row of rows) {
    row.hidden =
      (verdict && row.dataset.verdict !== verdict) ||
      (source && row.dataset.source !== source) ||
      (text && !row.textContent.toLowerCase().includes(text));
  }
  const left = rows.filter((row) => !row.hidden).length;
  field("count").textContent = `${left} of ${rows.length} claims`;
}
form.hidden = false;
form.addEventListener("input", filter);
form.addEventListener("submit", (event) => event.preventDefault());
filter();
