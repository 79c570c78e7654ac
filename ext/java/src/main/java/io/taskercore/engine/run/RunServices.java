package io.taskercore.engine.run;

import io.taskercore.engine.attempt.InFlightAttempts;
import io.taskercore.engine.claim.StepClaimer;
import io.taskercore.engine.clock.CoreClock;
import io.taskercore.engine.notify.WorkNotifier;
import io.taskercore.engine.task.TaskCache;
import io.taskercore.engine.task.TemplateRegistry;
import io.taskercore.store.Database;
import java.util.concurrent.Executor;

/** What all runs and workers on a database share. */
public record RunServices(
    Database database,
    CoreClock clock,
    Executor executor,
    TaskCache tasks,
    TemplateRegistry templates,
    StepClaimer claimer,
    InFlightAttempts inFlight,
    WorkNotifier notifier) {}
