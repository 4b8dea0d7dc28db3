"""What every claim is made of: statement, attack, controls, verdict."""
