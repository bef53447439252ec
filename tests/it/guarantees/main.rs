//! What holds for every operation: isolation, the model, crashes.
