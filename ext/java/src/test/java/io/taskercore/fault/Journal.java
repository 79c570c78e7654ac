package io.taskercore.fault;

import java.io.FileOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What one worker process did, written by itself line by line into a file of its own: the test's only witness of handler runs,
 * apart from the database. A line is in the file once it is written, whatever becomes of the process.
 */
final class Journal {

  /** One handler run; {@code end} is null where the process did not live to see it. */
  record Run(String process, long stepId, int attempt, long begunAtMs, End end) {}

  /** How the handler itself ended, whatever was made of that. */
  enum End {
    SUCCEEDED,
    FAILED,
    INTERRUPTED
  }

  private static final String READY = "ready";

  private final FileOutputStream out;

  private Journal(FileOutputStream out) {
    this.out = out;
  }

  /** For the process that keeps it. */
  static Journal open(Path file) throws IOException {
    return new Journal(new FileOutputStream(file.toFile(), true));
  }

  void ready() {
    write(READY);
  }

  void begin(long stepId, int attempt) {
    write("begin " + stepId + " " + attempt + " " + System.currentTimeMillis());
  }

  void end(long stepId, int attempt, End end) {
    write("end " + stepId + " " + attempt + " " + end);
  }

  private void write(String line) {
    try {
      out.write((line + "\n").getBytes(StandardCharsets.US_ASCII));
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }

  static boolean isReady(Path file) {
    return lines(file).contains(READY);
  }

  /** The runs that a process has begun, in their order. */
  static List<Run> runs(Path file) {
    String process = file.getFileName().toString();
    Map<String, Run> runs = new LinkedHashMap<>();
    List<Run> doubled = new ArrayList<>();
    for (String line : lines(file)) {
      String[] words = line.split(" ");
      if (words[0].equals("begin")) {
        Run run = new Run(process, Long.parseLong(words[1]), Integer.parseInt(words[2]), Long.parseLong(words[3]), null);
        Run before = runs.put(words[1] + "#" + words[2], run);
        if (before != null) {
          doubled.add(before);
        }
      } else if (words[0].equals("end")) {
        runs.computeIfPresent(words[1] + "#" + words[2], (key, run) ->
            new Run(process, run.stepId(), run.attempt(), run.begunAtMs(), End.valueOf(words[3])));
      }
    }
    doubled.addAll(runs.values());
    return doubled;
  }

  /** Complete ones only: the last may be in the making. */
  private static List<String> lines(Path file) {
    try {
      if (!Files.exists(file)) {
        return List.of();
      }
      String text = Files.readString(file, StandardCharsets.US_ASCII);
      return text.substring(0, text.lastIndexOf('\n') + 1).lines().toList();
    } catch (IOException failure) {
      throw new UncheckedIOException(failure);
    }
  }
}
