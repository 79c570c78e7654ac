package io.taskercore.engine;

import io.taskercore.store.Database;
import java.util.concurrent.Executor;

/** What all runs and workers on a database share. */
record RunServices(
    Database database,
    CoreClock clock,
    Executor executor,
    TaskCache tasks,
    TemplateRegistry templates,
    StepClaimer claimer,
    InFlightAttempts inFlight,
    WorkNotifier notifier) {}
