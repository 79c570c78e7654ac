package io.taskercore.engine;

import static io.taskercore.model.StepState.CANCELLED;
import static io.taskercore.model.StepState.COMPLETE;
import static io.taskercore.model.StepState.ENQUEUED;
import static io.taskercore.model.StepState.ERROR;
import static io.taskercore.model.StepState.IN_PROGRESS;
import static io.taskercore.model.StepState.PENDING;
import static io.taskercore.model.StepState.RESOLVED_MANUALLY;
import static io.taskercore.model.StepState.WAITING_FOR_RETRY;

import io.taskercore.engine.TaskView.StepView;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskState;
import java.util.ArrayList;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * One task, and what each change makes of it and answers: the rules of the engine once more, in plain Java, one change after the
 * other. Counters of the task are counted, never carried on; the queue follows from the steps.
 */
final class TransitionModel {

  private static final Set<StepState> UNSTARTED = EnumSet.of(PENDING, ENQUEUED, WAITING_FOR_RETRY);
  private static final Set<StepState> UNFINISHED = EnumSet.of(PENDING, ENQUEUED, IN_PROGRESS, WAITING_FOR_RETRY, ERROR);
  private static final Set<StepState> ACTIVE = EnumSet.of(ENQUEUED, IN_PROGRESS, WAITING_FOR_RETRY);
  private static final Set<StepState> CLAIMABLE = EnumSet.of(ENQUEUED, WAITING_FOR_RETRY);
  private static final Set<StepState> SATISFIED = EnumSet.of(COMPLETE, StepState.SKIPPED, RESOLVED_MANUALLY);
  private static final Set<StepState> COUNTED = EnumSet.of(PENDING, CANCELLED, StepState.SKIPPED, RESOLVED_MANUALLY);

  /** A step as it stands. */
  static final class Step {
    final long id;
    final String name;
    final List<Integer> parents;
    final List<Integer> children;
    final int maxCrashes;
    StepState state;
    int waitingOn;
    int attempts;
    int maxAttempts;
    int crashes;
    boolean suspect;
    long fence;
    Long holder;
    String result;
    String error;
    final List<String> log = new ArrayList<>();

    Step(long id, String name, List<Integer> parents, List<Integer> children, int maxAttempts, int maxCrashes) {
      this.id = id;
      this.name = name;
      this.parents = List.copyOf(parents);
      this.children = List.copyOf(children);
      this.maxAttempts = maxAttempts;
      this.maxCrashes = maxCrashes;
      this.state = parents.isEmpty() ? ENQUEUED : PENDING;
      this.waitingOn = parents.size();
    }

    private Step(Step other) {
      this(other.id, other.name, other.parents, other.children, other.maxAttempts, other.maxCrashes);
      state = other.state;
      waitingOn = other.waitingOn;
      attempts = other.attempts;
      crashes = other.crashes;
      suspect = other.suspect;
      fence = other.fence;
      holder = other.holder;
      result = other.result;
      error = other.error;
      log.addAll(other.log);
    }

    private void become(StepState to, String reason) {
      log.add(TaskView.entry(state.value(), to.value(), attempts == 0 ? null : attempts, reason));
      state = to;
      if (to != IN_PROGRESS) {
        holder = null;
      }
    }

    private void begin(long processId) {
      attempts++;
      fence += Paths.JUMP;
      become(IN_PROGRESS, null);
      holder = processId;
    }

    private boolean lastChance() {
      return crashes > 0 && crashes + 1 >= maxCrashes;
    }

    private boolean apart() {
      return suspect || crashes + 1 >= maxCrashes;
    }

    private ClaimedStep claimed(boolean apart, boolean lastChance) {
      return new ClaimedStep(ClaimedStep.taskIdOf(id), id, name, name, parents, children, attempts, attempts - crashes,
          maxAttempts, fence, apart, lastChance);
    }

    private StepView view() {
      boolean completed = !ACTIVE.contains(state) && state != PENDING;
      String queued = CLAIMABLE.contains(state) ? state.value() + (apart() ? ", apart" : "") + (lastChance() ? ", last chance" : "") : null;
      return new StepView(name, state.value(), waitingOn, attempts, maxAttempts, crashes, maxCrashes, fence, holder, result,
          error, completed, state == WAITING_FOR_RETRY, queued, List.copyOf(log));
    }
  }

  private final long taskId;
  private final boolean failFast;
  private final List<Step> steps;
  private final List<String> log = new ArrayList<>();
  private TaskState state = TaskState.PENDING;
  private int failedSteps;
  private boolean failing;

  /** @param steps of a task that has just been created, by ordinal */
  TransitionModel(long taskId, boolean failFast, List<Step> steps) {
    this.taskId = taskId;
    this.failFast = failFast;
    this.steps = List.copyOf(steps);
  }

  TransitionModel copy() {
    TransitionModel copy = new TransitionModel(taskId, failFast, steps.stream().map(Step::new).toList());
    copy.log.addAll(log);
    copy.state = state;
    copy.failedSteps = failedSteps;
    copy.failing = failing;
    return copy;
  }

  long taskId() {
    return taskId;
  }

  boolean failFast() {
    return failFast;
  }

  List<Step> steps() {
    return steps;
  }

  /** Steps that may be claimed. */
  List<Step> claimable() {
    return steps.stream().filter(step -> CLAIMABLE.contains(step.state)).toList();
  }

  List<Step> running() {
    return steps.stream().filter(step -> step.state == IN_PROGRESS).toList();
  }

  TaskView view() {
    return new TaskView(state.value(), active(), failedSteps, failing, state.ended(), List.copyOf(log),
        steps.stream().map(Step::view).toList());
  }

  private int active() {
    return (int) steps.stream().filter(step -> ACTIVE.contains(step.state)).count();
  }

  private Step held(Claim claim) {
    return steps.stream()
        .filter(step -> step.id == claim.stepId() && step.fence == claim.fence() && step.state == IN_PROGRESS)
        .findFirst().orElse(null);
  }

  private Step step(long stepId) {
    return steps.get(ClaimedStep.ordinalOf(stepId));
  }

  Answer claim(long processId, long stepId) {
    Step step = step(stepId);
    if (!CLAIMABLE.contains(step.state)) {
      return Answer.NOTHING;
    }
    if (state == TaskState.PENDING) {
      become(TaskState.IN_PROGRESS, null);
    }
    step.begin(processId);
    return Answer.handedOver(step.claimed(step.apart(), step.lastChance()));
  }

  /** @param wanted ids of children that are handed over if they become ready by this */
  Answer record(long processId, StepOutcome outcome, Collection<Long> wanted) {
    Step step = held(new Claim(outcome.stepId(), outcome.fence()));
    Answer answer = Answer.NOTHING;
    if (step != null) {
      step.become(outcome.to(), outcome.reason());
      step.suspect = false;
      step.result = mark(outcome.result());
      step.error = mark(outcome.error());
      answer = Answer.accepted(step.id);
      if (step.state == COMPLETE) {
        answer = answer.and(satisfyChildren(step, processId, wanted));
      }
      answer = answer.and(settle(null, null));
    }
    return outcome.to() == COMPLETE ? answer : answer.and(cancelUnstartedIfFailing());
  }

  private static String mark(Json json) {
    return json == null ? null : json.text().replaceAll("\\D", "");
  }

  /** A child's counter falls, never below 0; where nothing is left of it, a child that waits for its turn is ready. */
  private Answer satisfyChildren(Step parent, long processId, Collection<Long> wanted) {
    Answer answer = Answer.NOTHING;
    for (int ordinal : parent.children) {
      Step child = steps.get(ordinal);
      child.waitingOn = Math.max(child.waitingOn - 1, 0);
      if (child.state != PENDING || child.waitingOn > 0) {
        continue;
      }
      if (wanted.contains(child.id) && !child.apart()) {
        child.begin(processId);
        answer = answer.and(Answer.handedOver(child.claimed(false, false)));
      } else {
        child.become(ENQUEUED, null);
        answer = answer.and(Answer.enqueued(child.id));
      }
    }
    return answer;
  }

  Answer giveBack(Claim claim, boolean started) {
    Step step = held(claim);
    if (step == null) {
      return cancelUnstartedIfFailing();
    }
    step.attempts -= started ? 0 : 1;
    step.become(ENQUEUED, started ? "interrupted" : "given_back");
    return Answer.accepted(step.id).and(cancelUnstartedIfFailing());
  }

  /**
   * Its process has died. Nobody is told.
   *
   * @param begun whether the process had begun all that it held
   */
  Answer crash(long stepId, boolean begun) {
    Step step = step(stepId);
    boolean counts = begun || step.apart();
    step.suspect = true;
    step.crashes += counts ? 1 : 0;
    step.attempts -= counts ? 0 : 1;
    if (!counts) {
      step.become(ENQUEUED, "process_died");
    } else if (step.crashes < step.maxCrashes) {
      step.become(ENQUEUED, "lease_lapsed");
    } else {
      step.become(ERROR, "crash_limit");
      step.error = "crash_limit";
    }
    settle(null, null);
    cancelUnstartedIfFailing();
    return Answer.NOTHING;
  }

  Answer retryStep(long stepId) {
    Step step = step(stepId);
    if (!EnumSet.of(ERROR, WAITING_FOR_RETRY).contains(step.state) || endedForGood()) {
      return Answer.REFUSED;
    }
    step.maxAttempts++;
    step.become(ENQUEUED, "retry_step");
    reviveIfFailed();
    settle(null, "retry_step");
    return Answer.NOTHING;
  }

  Answer resolveStep(long stepId, Json result, String reason) {
    Step step = step(stepId);
    if (!EnumSet.of(PENDING, ENQUEUED, WAITING_FOR_RETRY, ERROR).contains(step.state) || endedForGood()) {
      return Answer.REFUSED;
    }
    step.become(RESOLVED_MANUALLY, reason);
    step.result = mark(result);
    satisfyChildren(step, 0, Set.of());
    reviveIfFailed();
    settle(null, "resolve_step");
    return Answer.NOTHING;
  }

  Answer cancelTask(String reason) {
    return end(TaskState.CANCELLED, reason);
  }

  Answer resolveTask(String reason) {
    return end(TaskState.RESOLVED_MANUALLY, reason);
  }

  private Answer end(TaskState to, String reason) {
    if (endedForGood()) {
      return Answer.REFUSED;
    }
    cancel(UNFINISHED, reason);
    settle(to, reason);
    return Answer.NOTHING;
  }

  /** Counters of parents are the only thing that can be wrong here. Nobody is told. */
  Answer sweep() {
    if (state.ended()) {
      return Answer.NOTHING;
    }
    for (Step step : steps) {
      if (COUNTED.contains(step.state)) {
        step.waitingOn = (int) step.parents.stream().filter(p -> !SATISFIED.contains(steps.get(p).state)).count();
      }
      if (step.state == PENDING && step.waitingOn == 0) {
        step.become(ENQUEUED, "sweep");
      }
    }
    settle(null, "sweep");
    cancelUnstartedIfFailing();
    return Answer.NOTHING;
  }

  private boolean endedForGood() {
    return state.ended() && state != TaskState.ERROR;
  }

  private void reviveIfFailed() {
    if (!failFast || failedSteps == 0) {
      return;
    }
    failing = false;
    for (Step step : steps) {
      if (step.state == CANCELLED) {
        step.become(step.waitingOn == 0 ? ENQUEUED : PENDING, "revived");
      }
    }
  }

  private Answer cancelUnstartedIfFailing() {
    if (!failing || endedForGood()) {
      return Answer.NOTHING;
    }
    cancel(UNSTARTED, "fail_fast");
    return settle(null, "fail_fast");
  }

  private void cancel(Set<StepState> which, String reason) {
    steps.stream().filter(step -> which.contains(step.state)).forEach(step -> step.become(CANCELLED, reason));
  }

  /** @param wanted the state that a decision gave the task; null: what its steps say */
  private Answer settle(TaskState wanted, String reason) {
    int failed = (int) steps.stream().filter(step -> step.state == ERROR).count();
    failing |= failFast && failed > failedSteps;
    failedSteps = failed;
    TaskState to = wanted != null ? wanted : whatStepsSay();
    if (to == state) {
      return Answer.NOTHING;
    }
    if (state != TaskState.IN_PROGRESS && (to == TaskState.COMPLETE || to == TaskState.ERROR)) {
      become(TaskState.IN_PROGRESS, reason);
    }
    become(to, reason);
    return to.ended() ? Answer.ended(taskId, to) : Answer.NOTHING;
  }

  private TaskState whatStepsSay() {
    if (endedForGood()) {
      return state;
    }
    if (active() > 0) {
      return state == TaskState.PENDING ? state : TaskState.IN_PROGRESS;
    }
    return failedSteps > 0 ? TaskState.ERROR : TaskState.COMPLETE;
  }

  private void become(TaskState to, String reason) {
    log.add(TaskView.entry(state.value(), to.value(), null, reason));
    state = to;
  }
}
