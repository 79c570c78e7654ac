package io.taskercore.engine;

import io.taskercore.engine.TransitionModel.Step;
import io.taskercore.model.ClaimedStep;
import io.taskercore.model.ClaimedStep.Claim;
import io.taskercore.model.Json;
import io.taskercore.model.StepOutcome;
import io.taskercore.model.StepState;
import io.taskercore.model.TaskerException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * Tasks in the database, and the model of each. Every change is made to both; after every change all rows of all tasks, and the
 * answer, must be the model's.
 *
 * <p>Of changes that one call makes to a task, the database must hold what some order of them leaves, one after the other.
 */
final class SideBySide {

  /** What a change makes of a model, and answers. */
  @FunctionalInterface
  private interface Change extends Function<TransitionModel, Answer> {}

  /** A model after a change, and what it has answered. */
  private record Outcome(TransitionModel model, Answer answer) {}

  /** Every order of so many changes is tried; of more, some. */
  private static final int ALL_ORDERS_UP_TO = 5;
  private static final int SOME_ORDERS = 200;

  /** So much of what came before is told with a difference. */
  private static final int TOLD = 30;

  private final String name;
  private final Paths paths;
  private final TransitionRows rows;
  private final SortedMap<Long, TransitionModel> models = new TreeMap<>();
  private final List<String> story = new ArrayList<>();

  /** @param name what every complaint begins with: the seed, for one */
  SideBySide(String name, Paths paths, TransitionRows rows) {
    this.name = name;
    this.paths = paths;
    this.rows = rows;
  }

  /** A task that has just been created. */
  void add(long taskId) {
    models.put(taskId, rows.created(taskId));
    compare("create task " + taskId, Answer.NOTHING, Map.of());
  }

  /** The models as they are, by id. */
  List<TransitionModel> models() {
    return List.copyOf(models.values());
  }

  TransitionModel model(long taskId) {
    return models.get(taskId);
  }

  Step step(long stepId) {
    return model(ClaimedStep.taskIdOf(stepId)).steps().get(ClaimedStep.ordinalOf(stepId));
  }

  void claim(long processId, long stepId) {
    change("process " + processId + " claims " + told(stepId), () -> paths.claim(processId, stepId), stepId,
        model -> model.claim(processId, stepId));
  }

  void record(long processId, List<StepOutcome> outcomes, Collection<Long> wanted) {
    // The order in which an engine may be expected to take them is the first one to be tried.
    List<StepOutcome> likely = outcomes.stream().sorted(Comparator.comparing(outcome -> rank(outcome.to()))).toList();
    change(
        "process " + processId + " records " + outcomes.stream().map(SideBySide::told).toList() + ", wants "
            + wanted.stream().map(SideBySide::told).toList(),
        () -> paths.record(processId, outcomes, wanted),
        byTask(likely, StepOutcome::stepId, outcome -> model -> model.record(processId, outcome, wanted)));
  }

  private static int rank(StepState state) {
    return switch (state) {
      case COMPLETE -> 0;
      case WAITING_FOR_RETRY -> 1;
      default -> 2;
    };
  }

  void giveBack(List<Claim> claims, boolean started) {
    change(
        "give back " + claims.stream().map(claim -> told(claim.stepId()) + " fence " + claim.fence()).toList()
            + (started ? ", started" : ""),
        () -> paths.giveBack(claims, started),
        byTask(claims, Claim::stepId, claim -> model -> model.giveBack(claim, started)));
  }

  void crash(long processId) {
    List<Step> held = models.values().stream().flatMap(model -> model.running().stream())
        .filter(step -> step.holder == processId).toList();
    change("process " + processId + " dies with " + held.stream().map(step -> told(step.id)).toList(),
        () -> paths.crash(processId), byTask(held, step -> step.id, step -> model -> model.crash(step.id, held.size() <= Paths.PLACES)));
  }

  void retryStep(long stepId) {
    change("retry " + told(stepId), () -> paths.retryStep(stepId), stepId, model -> model.retryStep(stepId));
  }

  void resolveStep(long stepId, Json result, String reason) {
    change("resolve " + told(stepId), () -> paths.resolveStep(stepId, result, reason), stepId,
        model -> model.resolveStep(stepId, result, reason));
  }

  void cancelTask(long taskId, String reason) {
    change("cancel task " + taskId, () -> paths.cancelTask(taskId, reason),
        Map.of(taskId, List.of(model -> model.cancelTask(reason))));
  }

  void resolveTask(long taskId, String reason) {
    change("resolve task " + taskId, () -> paths.resolveTask(taskId, reason),
        Map.of(taskId, List.of(model -> model.resolveTask(reason))));
  }

  void sweep() {
    change("sweep", paths::sweep,
        byTask(models(), model -> ClaimedStep.stepId(model.taskId(), 0), model -> TransitionModel::sweep));
  }

  /** Tells of damage that was done to the rows, and does it to the model. */
  void damaged(long stepId, int waitingOn) {
    step(stepId).waitingOn = waitingOn;
    compare("somebody writes waiting_on " + waitingOn + " to " + told(stepId), Answer.NOTHING, Map.of());
  }

  private static String told(StepOutcome outcome) {
    return told(outcome.stepId()) + " fence " + outcome.fence() + " " + outcome.to().value()
        + (outcome.reason() == null ? "" : " (" + outcome.reason() + ")");
  }

  private static String told(long stepId) {
    return ClaimedStep.taskIdOf(stepId) + "/s" + ClaimedStep.ordinalOf(stepId);
  }

  private static <T> Map<Long, List<Change>> byTask(List<T> some, Function<T, Long> stepId, Function<T, Change> change) {
    Map<Long, List<Change>> byTask = new LinkedHashMap<>();
    for (T one : some) {
      byTask.computeIfAbsent(ClaimedStep.taskIdOf(stepId.apply(one)), id -> new ArrayList<>()).add(change.apply(one));
    }
    return byTask;
  }

  private void change(String what, Supplier<Answer> call, long stepId, Change change) {
    change(what, call, Map.of(ClaimedStep.taskIdOf(stepId), List.of(change)));
  }

  private void change(String what, Supplier<Answer> call, Map<Long, List<Change>> changes) {
    Answer answer;
    try {
      answer = call.get();
    } catch (TaskerException.Database failure) {
      throw new AssertionError(complaint(what, "the call failed: " + failure.getCause().getMessage()), failure);
    }
    compare(what, answer, changes);
  }

  private void compare(String what, Answer answer, Map<Long, List<Change>> changes) {
    Map<Long, TaskView> actual = rows.read(models.keySet());
    for (TransitionModel model : models()) {
      List<Change> some = changes.getOrDefault(model.taskId(), List.of());
      // A call that is refused concerns one task; no other need say so.
      Answer ofTask = some.isEmpty() && answer.refused() ? Answer.NOTHING : answer.of(model.taskId());
      models.put(model.taskId(), someOrder(what, model, some, ofTask, actual.get(model.taskId())));
    }
    story.add(what);
  }

  private TransitionModel someOrder(String what, TransitionModel before, List<Change> changes, Answer answer, TaskView actual) {
    Outcome closest = null;
    for (List<Change> order : orders(changes)) {
      Outcome outcome = inOrder(before, order);
      if (outcome.model().view().equals(actual) && outcome.answer().equals(answer)) {
        return outcome.model();
      }
      closest = closest == null || differences(outcome, actual) < differences(closest, actual) ? outcome : closest;
    }
    throw new AssertionError(complaint(what, """
        task %d%s is, in the database:
        %s
        and by the model%s:
        %s
        It was, before:
        %s
        The call has answered: %s
        and the model:         %s""".formatted(
        before.taskId(), before.failFast() ? ", under fail_fast," : "", actual,
        changes.size() < 2 ? "" : " (in that order which comes closest)", closest.model().view(), before.view(), answer,
        closest.answer())));
  }

  /** In how many lines they differ. */
  private static long differences(Outcome outcome, TaskView actual) {
    List<String> expected = outcome.model().view().toString().lines().toList();
    return actual.toString().lines().filter(line -> !expected.contains(line)).count();
  }

  private static Outcome inOrder(TransitionModel before, List<Change> order) {
    TransitionModel model = before.copy();
    Answer answer = Answer.NOTHING;
    for (Change change : order) {
      answer = answer.and(change.apply(model));
    }
    return new Outcome(model, answer);
  }

  /** The given one first. */
  private static <T> Iterable<List<T>> orders(List<T> some) {
    List<List<T>> orders = new ArrayList<>();
    if (some.size() <= ALL_ORDERS_UP_TO) {
      permute(new ArrayList<>(), some, orders);
      return orders;
    }
    orders.add(some);
    Random random = new Random(0);
    for (int i = 0; i < SOME_ORDERS; i++) {
      List<T> shuffled = new ArrayList<>(some);
      Collections.shuffle(shuffled, random);
      orders.add(shuffled);
    }
    return orders;
  }

  private static <T> void permute(List<T> begun, List<T> left, List<List<T>> orders) {
    if (left.isEmpty()) {
      orders.add(List.copyOf(begun));
    }
    for (int i = 0; i < left.size(); i++) {
      List<T> rest = new ArrayList<>(left);
      begun.add(rest.remove(i));
      permute(begun, rest, orders);
      begun.remove(begun.size() - 1);
    }
  }

  private String complaint(String what, String difference) {
    List<String> before = story.subList(Math.max(0, story.size() - TOLD), story.size());
    return "%s, change %d: %s%n%s%nBefore that:%n  %s".formatted(
        name, story.size(), what, difference, String.join("\n  ", before));
  }
}
