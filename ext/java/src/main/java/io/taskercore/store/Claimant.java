package io.taskercore.store;

import java.security.SecureRandom;

/**
 * For whom one statement claims.
 *
 * @param processId the process that holds the claims
 * @param jump by how much the statement raises the fences of what it claims, at least 1
 */
public record Claimant(long processId, long jump) {

  /** Small enough that a step can be claimed often before its fence overflows, and large enough that no two claims draw the same number. */
  private static final long LONGEST_JUMP = 1L << 36;

  /** JSON readers hold integers up to this exactly. */
  private static final long HIGHEST_PROCESS_ID = (1L << 53) - 1;

  private static final SecureRandom RANDOM = new SecureRandom();

  /**
   * Draws the jump. A database that goes back in time gives ids out again, and its fences begin again. Only a random number distinguishes
   * this statement's claims from those of another task with the same id.
   */
  public static Claimant of(long processId) {
    return new Claimant(processId, newJump());
  }

  public static long newJump() {
    return RANDOM.nextLong(1, LONGEST_JUMP);
  }

  /** Draws an id that no process has had before, for the same reason. */
  public static long newProcessId() {
    return RANDOM.nextLong(1, HIGHEST_PROCESS_ID);
  }
}
