package io.taskercore.event;

/** Told of events that did not come through. Called from hot paths: must only count. */
public interface Losses {

  /** So many events found a queue full. */
  void dropped(int events);

  /** A subscriber failed on an event. */
  void failed();
}
