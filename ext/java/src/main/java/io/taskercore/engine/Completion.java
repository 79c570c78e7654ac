package io.taskercore.engine;

import io.taskercore.model.StepOutcome;

/** An attempt that has ended, and what is to be recorded of it. */
record Completion(Attempt attempt, StepOutcome outcome) {}
