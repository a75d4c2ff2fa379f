"""The gradient step: the maths, the learner, devices. torch lives here."""
