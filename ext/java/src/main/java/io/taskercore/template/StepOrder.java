package io.taskercore.template;

import io.taskercore.document.Node;
import io.taskercore.document.Path;
import io.taskercore.document.Suggestion;
import io.taskercore.document.Violations;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;

/**
 * The DAG of a template's steps, and the order in which they get their ordinals: parents first, and in the order of the document wherever
 * that leaves a choice.
 */
final class StepOrder {

  private final List<StepDraft> drafts;
  private final Violations violations;
  private final Map<String, Integer> indexByName = new HashMap<>();

  /** By index in the document: the indexes of the step's parents and of its children. */
  private final List<List<Integer>> parents = new ArrayList<>();

  private final List<List<Integer>> children = new ArrayList<>();

  private StepOrder(List<StepDraft> drafts, Violations violations) {
    this.drafts = drafts;
    this.violations = violations;
  }

  /** A step's index in the document, and its parents' and children's ordinals in the order that was found. */
  record Placed(int index, List<Integer> parents, List<Integer> children) {}

  /**
   * The steps in their order.
   *
   * @return by ordinal; of no use if violations were noted
   */
  static List<Placed> of(List<StepDraft> drafts, Violations violations) {
    StepOrder order = new StepOrder(drafts, violations);
    order.indexNames();
    order.connect();
    return order.place();
  }

  private void indexNames() {
    for (int i = 0; i < drafts.size(); i++) {
      StepDraft draft = drafts.get(i);
      Integer earlier = draft.name().isEmpty() ? null : indexByName.putIfAbsent(draft.name(), i);
      if (earlier != null) {
        violations.add(
            draft.path().key("name"),
            "\"" + draft.name() + "\" is already the name of " + drafts.get(earlier).path());
      }
    }
  }

  private void connect() {
    for (int i = 0; i < drafts.size(); i++) {
      parents.add(new ArrayList<>());
      children.add(new ArrayList<>());
    }
    for (int child = 0; child < drafts.size(); child++) {
      connect(child);
    }
  }

  private void connect(int child) {
    StepDraft draft = drafts.get(child);
    Map<String, Integer> seen = new HashMap<>();
    for (int item = 0; item < draft.dependsOn().size(); item++) {
      Path path = draft.path().key("depends_on").index(item);
      if (!(draft.dependsOn().get(item) instanceof Node.Text text)) {
        violations.add(path, "must be the name of a step, not " + draft.dependsOn().get(item).describedAsNoText());
        continue;
      }
      String name = text.value();
      Integer parent = indexByName.get(name);
      if (seen.putIfAbsent(name, item) != null) {
        violations.add(path, "\"" + name + "\" is named twice");
      } else if (name.equals(draft.name())) {
        violations.add(path, "a step cannot depend on itself");
      } else if (parent == null) {
        violations.add(
            path, () -> "there is no step \"" + name + '"' + Suggestion.forName(name, indexByName.keySet()));
      } else {
        parents.get(child).add(parent);
        children.get(parent).add(child);
      }
    }
  }

  private List<Placed> place() {
    int[] waitsFor = parents.stream().mapToInt(List::size).toArray();
    PriorityQueue<Integer> ready = new PriorityQueue<>();
    for (int i = 0; i < waitsFor.length; i++) {
      if (waitsFor[i] == 0) {
        ready.add(i);
      }
    }
    int[] ordinals = new int[drafts.size()];
    Arrays.fill(ordinals, -1);
    List<Integer> order = new ArrayList<>();
    while (!ready.isEmpty()) {
      int next = ready.remove();
      ordinals[next] = order.size();
      order.add(next);
      for (int child : children.get(next)) {
        if (--waitsFor[child] == 0) {
          ready.add(child);
        }
      }
    }
    if (order.size() < drafts.size()) {
      noteCycles(ordinals);
    }
    return order.stream()
        .map(index -> new Placed(index, toOrdinals(parents.get(index), ordinals), toOrdinals(children.get(index), ordinals)))
        .toList();
  }

  private static List<Integer> toOrdinals(List<Integer> indexes, int[] ordinals) {
    return indexes.stream().map(index -> ordinals[index]).sorted().toList();
  }

  /**
   * A step without an ordinal has a parent without one. So walking up from it must end in a cycle, or at a step of an earlier walk. Each
   * cycle is noted once.
   */
  private void noteCycles(int[] ordinals) {
    int[] walk = new int[drafts.size()];
    for (int start = 0; start < drafts.size(); start++) {
      Deque<Integer> way = new ArrayDeque<>();
      int at = start;
      while (ordinals[at] < 0 && walk[at] == 0) {
        walk[at] = start + 1;
        way.push(at);
        at = parents.get(at).stream().filter(parent -> ordinals[parent] < 0).findFirst().orElseThrow();
      }
      if (ordinals[at] < 0 && walk[at] == start + 1 && !way.isEmpty()) {
        noteCycle(way, at);
      }
    }
  }

  /**
   * @param way the steps walked, the last one first: the walk goes from children to parents, so this is the order in which they would run
   */
  private void noteCycle(Deque<Integer> way, int end) {
    List<Integer> cycle = new ArrayList<>();
    for (int step : way) {
      cycle.add(step);
      if (step == end) {
        break;
      }
    }
    Collections.rotate(cycle, -cycle.indexOf(Collections.min(cycle)));
    StringBuilder named = new StringBuilder();
    cycle.forEach(step -> named.append(drafts.get(step).name()).append(" → "));
    StepDraft first = drafts.get(cycle.get(0));
    violations.add(
        first.path().key("depends_on"), "the steps wait for each other in a cycle: " + named + first.name());
  }
}
