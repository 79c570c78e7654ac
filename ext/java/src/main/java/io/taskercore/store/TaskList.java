package io.taskercore.store;

import java.util.List;
import java.util.Set;

/**
 * Of which tasks a process may hold steps, in the place of what was written of that before.
 *
 * @param jump a number that no other row of the process has
 * @param replaced the numbers of the rows whose place it takes
 */
public record TaskList(long jump, List<Long> replaced, Set<Long> taskIds) {}
