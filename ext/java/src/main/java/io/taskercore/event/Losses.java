package io.taskercore.event;

/** Counts events that were lost. It is called from hot paths, so it must only count. */
public interface Losses {

  /** This many events found a queue full. */
  void dropped(int events);

  /** A subscriber failed on an event. */
  void failed();
}
