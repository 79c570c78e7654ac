package io.taskercore.engine.claim;

import static org.assertj.core.api.Assertions.assertThat;

import io.taskercore.store.Claimant;
import io.taskercore.store.TaskList;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ListedTasksTest {

  private final Set<Long> held = new HashSet<>();
  private boolean inDoubt;
  private final ListedTasks listed = new ListedTasks(() -> Set.copyOf(held), () -> inDoubt);

  private Claimant claim(long taskId) {
    Claimant claimant = Claimant.of(1);
    held.add(taskId);
    listed.settled(claimant);
    return claimant;
  }

  private TaskList renew() {
    TaskList list = listed.next();
    listed.sent(list);
    listed.done(list);
    return list;
  }

  @Test
  void oneRowTakesThePlaceOfThoseWhoseClaimsAreInFlight() {
    Claimant first = claim(1);
    Claimant second = claim(2);

    TaskList list = renew();

    assertThat(list.replaced()).containsExactly(first.jump(), second.jump());
    assertThat(list.taskIds()).containsExactlyInAnyOrder(1L, 2L);
  }

  @Test
  void theNextOneTakesThePlaceOfThat() {
    claim(1);
    TaskList list = renew();
    held.clear();
    Claimant later = claim(3);

    TaskList next = renew();

    assertThat(next.replaced()).containsExactly(list.jump(), later.jump());
    assertThat(next.taskIds()).containsExactly(3L);
  }

  @Test
  void nothingIsWrittenWhereNothingWasClaimed() {
    claim(1);
    claim(2);
    renew();
    held.remove(1L);

    assertThat(listed.next()).isNull();
  }

  @Test
  void aListMostOfWhichIsOverIsWrittenAnew() {
    claim(1);
    claim(2);
    TaskList list = renew();
    held.clear();

    TaskList next = renew();

    assertThat(next.replaced()).containsExactly(list.jump());
    assertThat(next.taskIds()).isEmpty();
    assertThat(listed.next()).isNull();
  }

  @Test
  void whileClaimsMayHaveBeenMadeThatNobodyKnowsOfNoRowGoes() {
    Claimant lost = claim(1);
    held.clear();
    inDoubt = true;

    assertThat(listed.next()).isNull();

    inDoubt = false;
    assertThat(renew().replaced()).containsExactly(lost.jump());
  }

  /** The answer is lost, its row settled and its task let go while the tasks are being read. */
  @Test
  void aDoubtThatComesUpWhileTheListIsMadeKeepsTheRows() {
    Claimant lost = Claimant.of(1);
    ListedTasks racing = new ListedTasks(
        () -> {
          inDoubt = true;
          return Set.of();
        },
        () -> inDoubt);
    racing.settled(lost);

    assertThat(racing.next()).isNull();
  }

  @Test
  void theRowOfARenewalWhoseAnswerWasLostMayBeThere() {
    Claimant claimant = claim(1);
    TaskList lost = listed.next();
    listed.sent(lost);

    TaskList next = renew();

    assertThat(next.replaced()).containsExactly(claimant.jump(), lost.jump());
    assertThat(next.taskIds()).containsExactly(1L);
  }

  @Test
  void whereTheDatabaseMayHaveLostItItIsWrittenAnew() {
    claim(1);
    TaskList list = renew();

    listed.writeAnew();

    assertThat(renew().replaced()).containsExactly(list.jump());
  }
}
