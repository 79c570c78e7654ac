package io.taskercore.event;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.taskercore.model.Json;
import io.taskercore.model.TaskerException;
import io.taskercore.testing.Await;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class EventPublisherTest {

  private final AtomicInteger dropped = new AtomicInteger();
  private final AtomicInteger failed = new AtomicInteger();
  private final EventPublisher publisher = new EventPublisher(new Losses() {
    @Override
    public void dropped(int events) {
      dropped.addAndGet(events);
    }

    @Override
    public void failed() {
      failed.incrementAndGet();
    }
  });

  private Subscription subscribe(String pattern, int capacity) {
    return publisher.subscribe(EventPattern.of(pattern), capacity);
  }

  private void publish(String... names) {
    for (String name : names) {
      publisher.publish(event(name));
    }
  }

  private static Event event(String name) {
    return new Event(name, null, null, null, null, null, null, null, null, null, Instant.EPOCH, Json.EMPTY_OBJECT);
  }

  private static List<String> rest(Subscription subscription) throws InterruptedException {
    subscription.end();
    List<String> names = new ArrayList<>();
    for (Event event = subscription.take(); event != null; event = subscription.take()) {
      names.add(event.name());
    }
    return names;
  }

  @Test
  void whileNobodyListensNothingIsMade() {
    Publication one = publisher.begin();
    Publication other = publisher.begin();
    Subscription subscription = subscribe("*", 10);

    assertThat(one).isSameAs(other);
    assertThat(one.isHeard()).isFalse();
    assertThat(publisher.begin().isHeard()).isTrue();
    subscription.close();
    assertThat(publisher.begin()).isSameAs(one);
  }

  @Test
  void eachSubscriberHearsWhatMatches() throws Exception {
    Subscription all = subscribe("*", 10);
    Subscription orders = subscribe("order.*", 10);
    Subscription one = subscribe("order.paid", 10);
    publish("order.paid", "order.sent", "orders.paid");

    assertThat(rest(all)).containsExactly("order.paid", "order.sent", "orders.paid");
    assertThat(rest(orders)).containsExactly("order.paid", "order.sent");
    assertThat(rest(one)).containsExactly("order.paid");
  }

  @Test
  void aFullQueueLosesTheNewestAndOnlyItsOwn() throws Exception {
    Subscription small = subscribe("*", 2);
    Subscription large = subscribe("*", 10);
    publish("n.1", "n.2", "n.3", "n.4");

    assertThat(small.stats().text()).contains("\"dropped\":2");
    assertThat(rest(small)).containsExactly("n.1", "n.2");
    assertThat(rest(large)).hasSize(4);
    assertThat(dropped).hasValue(2);
  }

  @Test
  void aPublicationThatIsGivenUpTellsNothingAndHoldsNobodyUp() throws Exception {
    Subscription subscription = subscribe("*", 10);
    try (Publication failed = publisher.begin()) {
      assertThat(failed.isHeard()).isTrue();
      try (Publication other = publisher.begin()) {
        other.commit(5, List.of(event("n.1")));
      }
    }

    assertThat(rest(subscription)).containsExactly("n.1");
  }

  @Test
  void anEndedSubscriptionGivesOutWhatItHasAndAClosedOneNothing() throws Exception {
    Subscription ended = subscribe("*", 10);
    Subscription closed = subscribe("*", 10);
    publish("n.1");
    ended.end();
    closed.close();
    publish("n.2");

    assertThat(ended.take().name()).isEqualTo("n.1");
    assertThat(ended.take()).isNull();
    assertThat(closed.take()).isNull();
  }

  @Test
  void oneCanWaitUntilTheLastEventIsDealtWith() throws Exception {
    Subscription subscription = subscribe("*", 10);
    publish("n.1");
    subscription.end();
    subscription.take();
    Thread dealing = new Thread(() -> {
      try {
        Thread.sleep(50);
        subscription.take();
      } catch (InterruptedException interrupted) {
        Thread.currentThread().interrupt();
      }
    });
    dealing.start();
    subscription.awaitDelivery(60_000);

    Await.until("the end of the subscriber", () -> !dealing.isAlive());
    publish("n.2");
    subscription.awaitDelivery(60_000);
  }

  @Test
  void itDoesNotWaitForASubscriberThatSleepsLongerThanItIsGiven() {
    Subscription subscription = subscribe("*", 10);
    publish("n.1");

    subscription.awaitDelivery(1);
    assertThat(subscription.stats().text()).contains("\"waiting\":1");
  }

  @Test
  void failuresAreCounted() {
    Subscription subscription = subscribe("*", 10);
    subscription.countFailure();

    assertThat(subscription.stats().text()).contains("\"failed\":1");
    assertThat(failed).hasValue(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "order", "*.paid", "a.*.b", "a..b", "a b.c", "task.done", "step.complete", "**"})
  void aPatternThatCannotMatchIsRefused(String pattern) {
    assertThatThrownBy(() -> EventPattern.of(pattern)).isInstanceOf(TaskerException.Validation.class);
  }

  @ParameterizedTest
  @CsvSource({"task.completed", "step.resolved_manually", "step.*", "a.b.c", "a.b.*", "bestellung.bezahlt-2"})
  void otherPatternsAreTaken(String pattern) {
    assertThat(EventPattern.of(pattern)).hasToString(pattern);
  }

  @Test
  void thereIsAnEventForEachStateButWaitingForParents() {
    assertThat(CoreEvents.namesLike("task.")).containsExactly(
        "task.initialized", "task.started", "task.completed", "task.failed", "task.cancelled", "task.resolved_manually");
    assertThat(CoreEvents.namesLike("step.")).containsExactly(
        "step.enqueued", "step.started", "step.retry_scheduled", "step.completed", "step.failed", "step.cancelled",
        "step.skipped", "step.resolved_manually");
  }
}
