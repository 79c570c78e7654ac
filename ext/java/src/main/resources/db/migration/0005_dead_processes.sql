-- What is known of a process when it has died: of which tasks it held steps, and how many of these it can have begun.

COMMENT ON INDEX tasker.tasks_unfinished IS 'Lists tasks by any state but complete, for people and for the sweeper.';

-- Steps have no index on their process, for then the two changes that each of them sees would no longer stay on its page.
CREATE TABLE tasker.process_tasks (
  process_id bigint   NOT NULL,
  jump       bigint   NOT NULL,
  task_ids   bigint[] NOT NULL
);
CREATE INDEX process_tasks_key ON tasker.process_tasks (process_id, jump);
COMMENT ON TABLE tasker.process_tasks IS
  'Of which tasks a process may hold steps. Each statement that claims adds a row; a renewal puts one row in the place of those whose claims the process knows of by then.';
COMMENT ON INDEX tasker.process_tasks_key IS 'Finds what a process has listed, and the rows that a renewal replaces.';
COMMENT ON COLUMN tasker.process_tasks.jump IS 'The number drawn by the statement that wrote the row; of a claim, by how much it raised the fences.';

ALTER TABLE tasker.processes
  ADD COLUMN lease_ms integer,
  ADD COLUMN lists_tasks boolean NOT NULL DEFAULT false,
  ADD COLUMN places integer,
  ADD COLUMN crowded boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tasker.processes.lease_ms IS
  'How long its leases are: one that ends later than that from now was written before the clock went back, and tells nothing.';
COMMENT ON COLUMN tasker.processes.places IS
  'How many handlers each of its coordinators runs at once, at least: a process that holds no more steps has begun them all. Null for older builds, which counted so.';
COMMENT ON COLUMN tasker.processes.crowded IS
  'Whether the process, when it died, held more steps than it had places: some of them it had not begun, and nobody knows which.';
COMMENT ON COLUMN tasker.processes.lists_tasks IS
  'Whether process_tasks tells of all that the process holds; that of an older build is found by a look at all tasks in progress.';
