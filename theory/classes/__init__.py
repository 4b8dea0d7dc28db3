"""Tasks whose labels are classes: multinomial logistic regression with a ridge."""

from theory.classes.logistic import Logistic, logistic, logistic_left_out

__all__ = ["Logistic", "logistic", "logistic_left_out"]
