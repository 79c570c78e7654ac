package io.taskercore.store;

import java.util.List;
import java.util.Set;

/**
 * The tasks in which a process may hold steps, written in the place of earlier rows about that.
 *
 * @param jump a number that no other row of the process has
 * @param replaced the numbers of the rows whose place it takes
 */
public record TaskList(long jump, List<Long> replaced, Set<Long> taskIds) {}
