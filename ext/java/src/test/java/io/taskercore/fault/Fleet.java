package io.taskercore.fault;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** Worker processes under a supervisor, which starts a new one where one has ended. */
final class Fleet implements AutoCloseable {

  private static final Duration LOOK = Duration.ofMillis(100);

  private final Site site;
  private final Map<String, Object> settings;
  private final List<Slot> slots = new ArrayList<>();
  private final Site.Repeating supervisor;
  private volatile boolean harmExpected;

  /** What one slot's process is now, and how many it has had before. */
  private static final class Slot {
    private final String name;
    private final boolean behindPooler;
    private WorkerProcess process;
    private int incarnation;
    private long startAtNanos = System.nanoTime();

    Slot(String name, boolean behindPooler) {
      this.name = name;
      this.behindPooler = behindPooler;
    }
  }

  Fleet(Site site, int size, Map<String, Object> settings) {
    this(site, size, 0, settings);
  }

  /** @param behindPooler how many of them are, the first ones */
  Fleet(Site site, int size, int behindPooler, Map<String, Object> settings) {
    this.site = site;
    this.settings = settings;
    for (int i = 1; i <= size; i++) {
      slots.add(new Slot("w" + i, i <= behindPooler));
    }
    supervise();
    this.supervisor = Site.every(LOOK, this::supervise);
  }

  /** Handlers will harm the processes by themselves. */
  synchronized void expectHarm() {
    harmExpected = true;
    processes().forEach(WorkerProcess::expectHarm);
  }

  Fleet awaitReady() {
    processes().forEach(WorkerProcess::awaitReady);
    return this;
  }

  private synchronized void supervise() {
    for (Slot slot : slots) {
      boolean isDead = slot.process == null || !slot.process.isAlive();
      if (isDead && System.nanoTime() - slot.startAtNanos >= 0) {
        slot.incarnation++;
        slot.process = start(slot);
        if (harmExpected) {
          slot.process.expectHarm();
        }
      }
    }
  }

  private WorkerProcess start(Slot slot) {
    String name = slot.name + "-" + slot.incarnation;
    return slot.behindPooler ? site.workerBehindPooler(name, settings) : site.worker(name, settings);
  }

  synchronized int incarnations() {
    return slots.stream().mapToInt(slot -> slot.incarnation).sum();
  }

  synchronized List<WorkerProcess> processes() {
    return slots.stream().flatMap(slot -> Stream.ofNullable(slot.process)).toList();
  }

  /** Those that work, and not those that are about to. */
  List<WorkerProcess> atWork() {
    return processes().stream().filter(process -> process.isAlive() && process.isReady()).toList();
  }

  /** Kills a process; its successor comes after the pause. */
  synchronized void kill(WorkerProcess process, Duration pause) {
    for (Slot slot : slots) {
      if (slot.process == process) {
        slot.startAtNanos = System.nanoTime() + pause.toNanos();
      }
    }
    process.kill();
  }

  @Override
  public void close() {
    supervisor.close();
    processes().forEach(WorkerProcess::close);
  }
}
