package io.taskercore.store;

import java.security.SecureRandom;

/**
 * On whose behalf one statement claims.
 *
 * @param processId the process that holds the claims
 * @param jump by how much the statement raises the fences of what it claims, at least 1
 */
public record Claimant(long processId, long jump) {

  /** So many claims of one step that a fence never ends, and so few that no two have the same one. */
  private static final long LONGEST_JUMP = 1L << 36;

  /** JSON's readers hold whole numbers up to this. */
  private static final long HIGHEST_PROCESS_ID = (1L << 53) - 1;

  private static final SecureRandom RANDOM = new SecureRandom();

  /**
   * Draws the jump. A database that goes back in time gives ids out again, and counts fences from 1 again: only what nobody else draws
   * tells this statement's claims from those of another task with the same id.
   */
  public static Claimant of(long processId) {
    return new Claimant(processId, newJump());
  }

  public static long newJump() {
    return RANDOM.nextLong(1, LONGEST_JUMP);
  }

  /** An id that no process had before, for the same reason. */
  public static long newProcessId() {
    return RANDOM.nextLong(1, HIGHEST_PROCESS_ID);
  }
}
