-- Every change of state after a claim is decided here: what an outcome, a person, a crash or the sweeper means for the rest of a task.
--
--   record_outcome, record_outcomes, give_back, crash, retry_step, resolve_step, end_task, heal    each changes its own steps, then calls
--     └─▶ follow    what follows for children, queue, fail_fast and the task, and the log of all changes
--
-- Each caller of follow holds the task's lock. Lock order, as before: tasks by task_id, then step_queue rows, then workflow_steps by
-- step_id. Outcomes and returned claims wait for a lock no longer than lock_timeout: otherwise one locked row would hold up all the tasks
-- of a call.

-- A fence identifies a claim. Each claiming statement raises fences by a number that its client drew at random. For a database that goes
-- back in time (a failover that lost something, a restore, TRUNCATE … RESTART IDENTITY) gives ids out again. Then only a random fence
-- distinguishes a claim of the task that was lost from one of the task that has its id now.
ALTER TABLE tasker.workflow_steps ALTER COLUMN fence TYPE bigint;
COMMENT ON COLUMN tasker.workflow_steps.fence IS
  'The fencing token. Every claim raises it by a random number, and nothing resets it; an outcome with another fence is refused.';

-- A process that dies has usually claimed more steps than it had begun, and its rows do not say which it had begun. Such a death counts
-- for none of its steps, so that no step ends through the deaths of processes that had not begun it; but it makes the steps suspect. A
-- suspect step, and a step that one more crash would end, is claimed apart from the others: only into a free slot, so that its attempt
-- begins with its claim.
ALTER TABLE tasker.workflow_steps ADD COLUMN suspect boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tasker.workflow_steps.suspect IS
  'Whether a process that held the step has died since an attempt at it last came to an end: the next such death is certain to count.';
ALTER TABLE tasker.step_queue ADD COLUMN apart boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN tasker.step_queue.apart IS 'As tasker.is_apart has it; false in the rows of older builds, which know nothing of it.';
UPDATE tasker.step_queue SET apart = true WHERE last_chance;
DROP INDEX tasker.step_queue_order;
CREATE INDEX step_queue_order ON tasker.step_queue (handler, apart, priority DESC, run_at, step_id);
COMMENT ON INDEX tasker.step_queue_order IS
  'Serves claims for the handlers at hand, in this order: higher priority, then run_at, then id. A backlog of other handlers costs nothing.';
CREATE INDEX step_queue_apart ON tasker.step_queue (handler, run_at) WHERE apart;
COMMENT ON INDEX tasker.step_queue_apart IS 'Tells whether any step can be claimed apart now; usually none can.';
COMMENT ON INDEX tasker.step_queue_last_chance IS 'Finds the few steps on their last chance, of which a process holds one at a time.';

-- Sets of states and the numbering of steps. PostgreSQL inlines these into the statements that use them.

CREATE FUNCTION tasker.step_id(task_id bigint, ordinal smallint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (task_id << 16) + ordinal $$;
COMMENT ON FUNCTION tasker.step_id IS 'The id of a task''s step; an id alone names its task (tasker.task_of).';

CREATE FUNCTION tasker.task_of(step_id bigint) RETURNS bigint
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT step_id >> 16 $$;
COMMENT ON FUNCTION tasker.task_of IS 'The task that a step belongs to.';

CREATE FUNCTION tasker.is_queued(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state IN ('enqueued', 'waiting_for_retry') $$;
COMMENT ON FUNCTION tasker.is_queued IS 'Whether a step in this state has a row in step_queue.';

CREATE FUNCTION tasker.is_active(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state IN ('enqueued', 'in_progress', 'waiting_for_retry') $$;
COMMENT ON FUNCTION tasker.is_active IS 'Whether a step in this state keeps its task from ending: tasks.active_steps counts these.';

CREATE FUNCTION tasker.is_satisfied(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state IN ('complete', 'skipped', 'resolved_manually') $$;
COMMENT ON FUNCTION tasker.is_satisfied IS 'Whether children of a step in this state no longer wait for it.';

CREATE FUNCTION tasker.may_wait(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state IN ('pending', 'cancelled', 'skipped', 'resolved_manually') $$;
COMMENT ON FUNCTION tasker.may_wait IS 'Whether a step in this state may have parents that are not satisfied.';

CREATE FUNCTION tasker.is_freed(state text, waiting_on smallint, parents smallint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state = 'pending' AND waiting_on <= parents $$;
COMMENT ON FUNCTION tasker.is_freed IS 'Whether a step becomes ready when this many of its parents become satisfied.';

CREATE FUNCTION tasker.freed_state(state text, waiting_on smallint, parents smallint, wanted boolean) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN NOT tasker.is_freed(state, waiting_on, parents) THEN state WHEN wanted THEN 'in_progress' ELSE 'enqueued' END
$$;
COMMENT ON FUNCTION tasker.freed_state IS
  'The state of a step when this many of its parents become satisfied. A step that becomes ready is claimed at once by a process that wants it.';

CREATE FUNCTION tasker.claims(state text, waiting_on smallint, parents smallint, wanted boolean) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT (wanted IS TRUE AND tasker.is_freed(state, waiting_on, parents))::integer $$;
COMMENT ON FUNCTION tasker.claims IS 'How many claims that makes: 1 if the step becomes ready and a process wants it, else 0.';

CREATE FUNCTION tasker.has_ended(state text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT state IN ('complete', 'error', 'cancelled', 'resolved_manually') $$;
COMMENT ON FUNCTION tasker.has_ended IS 'Whether a task in this state has ended.';

CREATE FUNCTION tasker.task_state(state text, active integer, failed integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN tasker.has_ended(state) AND state <> 'error' THEN state
              WHEN active > 0 THEN CASE WHEN state = 'pending' THEN state ELSE 'in_progress' END
              WHEN failed > 0 THEN 'error'
              ELSE 'complete' END
$$;
COMMENT ON FUNCTION tasker.task_state IS
  'The state of a task that was in this state, when this many of its steps are active and this many are in error.';

CREATE FUNCTION tasker.crash_ends(crashes smallint, max_crashes smallint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT crashes + 1 >= max_crashes $$;
COMMENT ON FUNCTION tasker.crash_ends IS 'Whether one more crash ends the step.';

CREATE OR REPLACE FUNCTION tasker.last_chance(crashes smallint, max_crashes smallint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT crashes > 0 AND crashes + 1 >= max_crashes $$;
COMMENT ON FUNCTION tasker.last_chance IS
  'Whether a process has died under the step, and one more crash ends it. Either the step kills processes, or it ran beside one that does.';

CREATE FUNCTION tasker.is_apart(suspect boolean, crashes smallint, max_crashes smallint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT suspect OR tasker.crash_ends(crashes, max_crashes) $$;
COMMENT ON FUNCTION tasker.is_apart IS
  'Whether a step is claimed only into a free slot. Its attempt then begins with its claim, so a crash certainly counts for it.';

CREATE FUNCTION tasker.may_follow(wanted boolean, suspect boolean, crashes smallint, max_crashes smallint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$ SELECT wanted AND NOT tasker.is_apart(suspect, crashes, max_crashes) $$;
COMMENT ON FUNCTION tasker.may_follow IS 'Whether a step that a process wants may be claimed for it together with its parent''s outcome, once the step is ready.';

-- The rules that several columns of a row must satisfy together. PostgreSQL reads the text of a table's CHECKs again for each statement
-- that writes to the table. For a statement on one row that took longer than the row. A compiled function is kept, so each table has one
-- CHECK, which calls a function. The one for steps gets the whole row, whose name is the shortest text. The one for tasks does not: that
-- would read the payload each time.

CREATE FUNCTION tasker.is_sound(s tasker.workflow_steps) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN s.step_id >> 16 = s.task_id AND s.crashes <= s.attempts AND s.attempts <= s.fence
    AND (s.state = 'in_progress') = (s.process_id IS NOT NULL)
    AND (s.waiting_on = 0 OR tasker.may_wait(s.state));
END
$$;
COMMENT ON FUNCTION tasker.is_sound(tasker.workflow_steps) IS 'The rules for the columns of a step together.';

CREATE FUNCTION tasker.is_sound(task_state text, completed_at timestamptz) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN tasker.has_ended(task_state) = (completed_at IS NOT NULL);
END
$$;
COMMENT ON FUNCTION tasker.is_sound(text, timestamptz) IS 'The rules for the columns of a task together.';

ALTER TABLE tasker.workflow_steps
  ADD CONSTRAINT workflow_steps_sound CHECK (tasker.is_sound(workflow_steps)) NOT VALID,
  DROP CONSTRAINT IF EXISTS workflow_steps_check,
  DROP CONSTRAINT IF EXISTS workflow_steps_check1,
  DROP CONSTRAINT IF EXISTS workflow_steps_check2;
ALTER TABLE tasker.tasks
  ADD CONSTRAINT tasks_sound CHECK (tasker.is_sound(state, completed_at)) NOT VALID,
  DROP CONSTRAINT IF EXISTS tasks_check;

CREATE TYPE tasker.change AS (
  task_id      bigint,
  step_id      bigint,            -- null where the task itself changed
  from_state   text,
  to_state     text,
  attempt      smallint,
  reason       text,
  after_ms     double precision,  -- of a task that has ended: how long after it could have begun
  name         text,              -- from here on: only of a step that the calling process holds from now on
  handler      text,
  parents      smallint[],
  children     smallint[],
  crashes      smallint,
  max_attempts smallint,
  fence        bigint,
  created_at   timestamptz,       -- of a task that has ended
  accepted     integer[],         -- these three are in the summary row only: the places (from 1) of the outcomes that were
  at           timestamptz,       -- accepted among those that were handed in; when all this happened; and the newest
  newest       bigint             -- entry that was written to the log
);
COMMENT ON TYPE tasker.change IS 'What a call of the functions below has changed: a row for each change, and a summary row. An accepted outcome''s own change has no row, for the caller knows it.';

CREATE FUNCTION tasker.enqueue(p_step_ids bigint[], p_at timestamptz) RETURNS void
LANGUAGE sql AS $$
  INSERT INTO tasker.step_queue (task_id, step_id, state, priority, run_at, namespace, handler, last_chance, apart)
  SELECT s.task_id, s.step_id, s.state, t.priority, COALESCE(s.next_run_at, p_at), t.namespace, s.handler,
    tasker.last_chance(s.crashes, s.max_crashes), tasker.is_apart(s.suspect, s.crashes, s.max_crashes)
  FROM unnest(p_step_ids) AS n(step_id)
  JOIN tasker.workflow_steps s ON s.task_id = tasker.task_of(n.step_id) AND s.step_id = n.step_id
  JOIN tasker.tasks t ON t.task_id = s.task_id
  ORDER BY s.step_id
$$;
COMMENT ON FUNCTION tasker.enqueue IS 'Writes the step_queue rows of steps that are enqueued or wait for a retry.';

CREATE FUNCTION tasker.cancel_steps(p_task_id bigint, p_states text[], p_at timestamptz,
  OUT ids bigint[], OUT before text[], OUT attempts smallint[])
LANGUAGE plpgsql AS $$
BEGIN
  -- This waits for claims that are under way. Only a statement that begins afterwards sees what they did.
  DELETE FROM tasker.step_queue q WHERE q.task_id = p_task_id;
  WITH old AS MATERIALIZED (
    SELECT s.task_id, s.step_id, s.state
    FROM tasker.workflow_steps s
    WHERE s.task_id = p_task_id AND s.state = ANY (p_states)
    ORDER BY s.step_id
    FOR NO KEY UPDATE
  ), cancelled AS (
    UPDATE tasker.workflow_steps s
    SET state = 'cancelled', process_id = NULL, next_run_at = NULL, completed_at = p_at
    FROM old
    WHERE s.task_id = old.task_id AND s.step_id = old.step_id
    RETURNING s.step_id, old.state, NULLIF(s.attempts, 0)::smallint AS attempt
  )
  SELECT array_agg(c.step_id ORDER BY c.step_id), array_agg(c.state::text ORDER BY c.step_id),
    array_agg(c.attempt ORDER BY c.step_id)
  INTO ids, before, attempts
  FROM cancelled c;
END
$$;
COMMENT ON FUNCTION tasker.cancel_steps IS 'Cancels the steps of a task that are in one of these states; the caller must call tasker.follow afterwards.';

CREATE FUNCTION tasker.follow(
  p_at timestamptz, p_task_id bigint, p_task_state text, p_ids bigint[], p_from text[], p_to text[], p_attempts smallint[],
  p_reasons text[], p_freed bigint[] DEFAULT NULL, p_wanted bigint[] DEFAULT NULL, p_process_id bigint DEFAULT NULL,
  p_jump bigint DEFAULT 0, p_accepted integer[] DEFAULT NULL, p_revive boolean DEFAULT false, p_settle boolean DEFAULT false, p_reason text DEFAULT NULL,
  p_decided text DEFAULT NULL)
RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
DECLARE
  -- All changes, in the order of the log. A positive id is a step's; a negative one is minus a task's.
  v_ids      bigint[]   := p_ids;
  v_from     text[]     := p_from;
  v_to       text[]     := p_to;
  v_attempts smallint[] := p_attempts;
  v_reasons  text[]     := p_reasons;
  v_after    double precision[]; -- of the tasks that end; these are last
  v_created  timestamptz[];      -- of the same tasks
  v_untold   integer    := CASE WHEN p_accepted IS NULL THEN 1 ELSE cardinality(p_ids) + 1 END;
  v_steps    integer;
  v_active   integer    := 0;
  v_failed   integer    := 0;
  v_stopped  bigint[]; -- tasks in which fail_fast has cancelled active steps: if they end, that is the reason
  v_reason   text;
  v_newest   bigint;
  v_more     record;
  v_told     tasker.change;
BEGIN
  -- Children wait for fewer parents now. Those that wait for none are claimed at once if the process wants them, else they are enqueued.
  -- The counters of cancelled, skipped and resolved children are lowered too, for these steps may come to life again.
  IF cardinality(p_freed) > 0 THEN
    IF p_task_id IS NOT NULL THEN
      -- All of these have the same one parent that ended. To find each by its key costs half of what the statement for many does.
      FOR v_more IN
        UPDATE tasker.workflow_steps s
        SET waiting_on = GREATEST(s.waiting_on - 1, 0),
            state = tasker.freed_state(s.state, s.waiting_on, 1::smallint, tasker.may_follow(s.step_id = ANY (p_wanted), s.suspect, s.crashes, s.max_crashes)),
            attempts = s.attempts + tasker.claims(s.state, s.waiting_on, 1::smallint, tasker.may_follow(s.step_id = ANY (p_wanted), s.suspect, s.crashes, s.max_crashes)),
            fence = s.fence + p_jump * tasker.claims(s.state, s.waiting_on, 1::smallint, tasker.may_follow(s.step_id = ANY (p_wanted), s.suspect, s.crashes, s.max_crashes)),
            process_id = CASE tasker.claims(s.state, s.waiting_on, 1::smallint, tasker.may_follow(s.step_id = ANY (p_wanted), s.suspect, s.crashes, s.max_crashes)) WHEN 1 THEN p_process_id END,
            started_at = CASE tasker.claims(s.state, s.waiting_on, 1::smallint, tasker.may_follow(s.step_id = ANY (p_wanted), s.suspect, s.crashes, s.max_crashes)) WHEN 1 THEN p_at ELSE s.started_at END
        WHERE s.task_id = p_task_id AND s.step_id = ANY (p_freed) AND tasker.may_wait(s.state)
        RETURNING s.step_id, s.state, s.attempts
      LOOP
        CONTINUE WHEN NOT tasker.is_active(v_more.state);
        v_ids := v_ids || v_more.step_id;
        v_from := v_from || 'pending'::text;
        v_to := v_to || v_more.state::text;
        v_attempts := v_attempts || NULLIF(v_more.attempts, 0)::smallint;
        v_reasons := v_reasons || NULL::text;
      END LOOP;
    ELSE
      WITH lowered AS (
        UPDATE tasker.workflow_steps s
        SET waiting_on = GREATEST(s.waiting_on - f.parents, 0),
            state = tasker.freed_state(s.state, s.waiting_on, f.parents, tasker.may_follow(f.wanted, s.suspect, s.crashes, s.max_crashes)),
            attempts = s.attempts + tasker.claims(s.state, s.waiting_on, f.parents, tasker.may_follow(f.wanted, s.suspect, s.crashes, s.max_crashes)),
            fence = s.fence + p_jump * tasker.claims(s.state, s.waiting_on, f.parents, tasker.may_follow(f.wanted, s.suspect, s.crashes, s.max_crashes)),
            process_id = CASE tasker.claims(s.state, s.waiting_on, f.parents, tasker.may_follow(f.wanted, s.suspect, s.crashes, s.max_crashes)) WHEN 1 THEN p_process_id END,
            started_at = CASE tasker.claims(s.state, s.waiting_on, f.parents, tasker.may_follow(f.wanted, s.suspect, s.crashes, s.max_crashes)) WHEN 1 THEN p_at ELSE s.started_at END
        FROM (
          SELECT c.step_id, count(*)::smallint AS parents, c.step_id = ANY (p_wanted) AS wanted
          FROM unnest(p_freed) AS c(step_id)
          GROUP BY c.step_id
          ORDER BY c.step_id
        ) f
        WHERE s.task_id = tasker.task_of(f.step_id) AND s.step_id = f.step_id AND tasker.may_wait(s.state)
        RETURNING s.step_id, s.state, NULLIF(s.attempts, 0)::smallint AS attempt
      )
      SELECT array_agg(l.step_id) AS ids, array_agg(l.state::text) AS states, array_agg(l.attempt) AS attempts
      INTO v_more
      FROM lowered l
      WHERE tasker.is_active(l.state);
      IF v_more.ids IS NOT NULL THEN
        v_ids := v_ids || v_more.ids;
        v_from := v_from || array_fill('pending'::text, ARRAY[cardinality(v_more.ids)]);
        v_to := v_to || v_more.states;
        v_attempts := v_attempts || v_more.attempts;
        v_reasons := v_reasons || array_fill(NULL::text, ARRAY[cardinality(v_more.ids)]);
      END IF;
    END IF;
  END IF;

  -- A task that had failed fast comes to life again, with the steps that were cancelled by that.
  IF p_revive THEN
    UPDATE tasker.tasks t SET failing = false WHERE t.task_id = p_task_id;
    FOR v_more IN
      UPDATE tasker.workflow_steps s
      SET state = CASE WHEN s.waiting_on = 0 THEN 'enqueued' ELSE 'pending' END, completed_at = NULL
      FROM (
        SELECT o.step_id
        FROM tasker.workflow_steps o
        WHERE o.task_id = p_task_id AND o.state = 'cancelled'
        ORDER BY o.step_id
        FOR NO KEY UPDATE
      ) c
      WHERE s.task_id = p_task_id AND s.step_id = c.step_id
      RETURNING s.step_id, s.state, s.attempts
    LOOP
      v_ids := v_ids || v_more.step_id;
      v_from := v_from || 'cancelled'::text;
      v_to := v_to || v_more.state::text;
      v_attempts := v_attempts || NULLIF(v_more.attempts, 0)::smallint;
      v_reasons := v_reasons || 'revived'::text;
    END LOOP;
  END IF;

  IF 'enqueued' = ANY (v_to) OR 'waiting_for_retry' = ANY (v_to) THEN
    PERFORM tasker.enqueue(ARRAY(SELECT c.id FROM unnest(v_ids, v_to) AS c(id, state) WHERE tasker.is_queued(c.state)), p_at);
  END IF;

  -- Under fail_fast a failure cancels every step that has not started, and later every step that goes back into the queue.
  IF p_to && ARRAY['error', 'enqueued', 'waiting_for_retry'] THEN
    FOR v_more IN
      SELECT c.*, f.errors
      FROM (
        SELECT t.task_id, g.errors
        FROM tasker.tasks t
        JOIN (
          SELECT tasker.task_of(g.id) AS task_id, count(*) FILTER (WHERE g.state = 'error') AS errors
          FROM unnest(p_ids, p_to) AS g(id, state)
          GROUP BY 1
        ) g ON g.task_id = t.task_id
        WHERE t.fail_fast AND (t.failing OR g.errors > 0)
        ORDER BY t.task_id
      ) f
      CROSS JOIN LATERAL tasker.cancel_steps(f.task_id, ARRAY['pending', 'enqueued', 'waiting_for_retry'], p_at) AS c
      WHERE c.ids IS NOT NULL
    LOOP
      v_ids := v_ids || v_more.ids;
      v_from := v_from || v_more.before;
      v_to := v_to || array_fill('cancelled'::text, ARRAY[cardinality(v_more.ids)]);
      v_attempts := v_attempts || v_more.attempts;
      v_reasons := v_reasons || array_fill('fail_fast'::text, ARRAY[cardinality(v_more.ids)]);
      -- Of two errors, the first one cancels, and the task ends by the second.
      IF v_more.errors < 2 AND v_more.before && ARRAY['enqueued', 'waiting_for_retry'] THEN
        v_stopped := v_stopped || tasker.task_of(v_more.ids[1]);
      END IF;
    END LOOP;
  END IF;

  -- The tasks: their counters, and their end once nothing of them is active.
  v_steps := COALESCE(cardinality(v_ids), 0);
  IF p_task_id IS NOT NULL THEN
    FOR i IN 1..v_steps LOOP
      v_active := v_active + tasker.is_active(v_to[i])::integer - tasker.is_active(v_from[i])::integer;
      v_failed := v_failed + (v_to[i] = 'error')::integer - (v_from[i] = 'error')::integer;
    END LOOP;
    IF v_active <> 0 OR v_failed <> 0 OR p_settle THEN
      UPDATE tasker.tasks t
      SET active_steps = t.active_steps + v_active,
          failed_steps = t.failed_steps + v_failed,
          failing = t.failing OR (t.fail_fast AND v_failed > 0),
          state = COALESCE(p_decided, tasker.task_state(t.state, t.active_steps + v_active, t.failed_steps + v_failed)),
          started_at = CASE WHEN p_decided IS NULL AND t.active_steps + v_active > 0 AND t.state = 'error'
                            THEN COALESCE(t.started_at, p_at) ELSE t.started_at END,
          completed_at = CASE WHEN tasker.has_ended(
                                COALESCE(p_decided, tasker.task_state(t.state, t.active_steps + v_active, t.failed_steps + v_failed)))
                              THEN COALESCE(t.completed_at, p_at) END
      WHERE t.task_id = p_task_id
      RETURNING t.state, extract(epoch FROM t.completed_at - GREATEST(t.created_at, t.run_at)) * 1000 AS after_ms, t.created_at
      INTO v_more;
      v_reason := CASE WHEN p_task_id = ANY (v_stopped) THEN 'fail_fast' ELSE p_reason END;
      IF p_task_state <> 'in_progress' AND v_more.state IN ('complete', 'error') AND v_more.state <> p_task_state THEN
        -- A task completes or fails only while it is in progress, so the log gets that state in between.
        v_ids := v_ids || ARRAY[-p_task_id, -p_task_id];
        v_from := v_from || ARRAY[p_task_state, 'in_progress'];
        v_to := v_to || ARRAY['in_progress', v_more.state::text];
        v_reasons := v_reasons || ARRAY[v_reason, v_reason];
        v_after := ARRAY[NULL, v_more.after_ms];
        v_created := ARRAY[NULL, v_more.created_at];
      ELSIF v_more.state <> p_task_state THEN
        v_ids := v_ids || -p_task_id;
        v_from := v_from || p_task_state;
        v_to := v_to || v_more.state::text;
        v_reasons := v_reasons || v_reason;
        v_after := ARRAY[v_more.after_ms];
        v_created := ARRAY[v_more.created_at];
      END IF;
    END IF;
  ELSE
    WITH settled AS (
      UPDATE tasker.tasks t
      SET active_steps = t.active_steps + d.active,
          failed_steps = t.failed_steps + d.failed,
          failing = t.failing OR (t.fail_fast AND d.failed > 0),
          state = tasker.task_state(t.state, t.active_steps + d.active, t.failed_steps + d.failed),
          completed_at = CASE WHEN tasker.has_ended(tasker.task_state(t.state, t.active_steps + d.active, t.failed_steps + d.failed))
                              THEN COALESCE(t.completed_at, p_at) END
      FROM (
        SELECT tasker.task_of(c.id) AS task_id,
          sum(tasker.is_active(c.state)::integer - tasker.is_active(c.before)::integer)::integer AS active,
          sum((c.state = 'error')::integer - (c.before = 'error')::integer)::integer AS failed
        FROM unnest(v_ids, v_from, v_to) AS c(id, before, state)
        GROUP BY 1
      ) d
      WHERE t.task_id = d.task_id AND (d.active <> 0 OR d.failed <> 0)
      RETURNING t.task_id, t.state, t.created_at, extract(epoch FROM t.completed_at - GREATEST(t.created_at, t.run_at)) * 1000 AS after_ms
    )
    SELECT array_agg(-s.task_id) AS ids, array_agg(s.state::text) AS states, array_agg(s.after_ms::double precision) AS after,
      array_agg(s.created_at) AS created
    INTO v_more
    FROM settled s
    WHERE tasker.has_ended(s.state);
    IF v_more.ids IS NOT NULL THEN
      v_ids := v_ids || v_more.ids;
      v_from := v_from || array_fill('in_progress'::text, ARRAY[cardinality(v_more.ids)]);
      v_to := v_to || v_more.states;
      v_reasons := v_reasons || ARRAY(SELECT CASE WHEN -i = ANY (v_stopped) THEN 'fail_fast' END FROM unnest(v_more.ids) AS i);
      v_after := v_more.after;
      v_created := v_more.created;
    END IF;
  END IF;

  IF v_ids IS NOT NULL THEN
    INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at, reason)
    SELECT CASE WHEN c.id > 0 THEN tasker.task_of(c.id) ELSE -c.id END, CASE WHEN c.id > 0 THEN c.id END, c.before, c.state, c.attempt,
      p_at, c.reason
    FROM unnest(v_ids, v_from, v_to, v_attempts, v_reasons) AS c(id, before, state, attempt, reason);
    v_newest := lastval();
  END IF;

  IF v_untold <= v_steps THEN
    RETURN QUERY
    SELECT tasker.task_of(c.id), c.id, c.before, c.state, c.attempt, c.reason, NULL::double precision, s.name, s.handler, s.parents,
      s.children, s.crashes::smallint, s.max_attempts::smallint, s.fence, NULL::timestamptz, NULL::integer[], NULL::timestamptz, NULL::bigint
    FROM unnest(v_ids[v_untold:v_steps], v_from[v_untold:v_steps], v_to[v_untold:v_steps], v_attempts[v_untold:v_steps],
        v_reasons[v_untold:v_steps]) AS c(id, before, state, attempt, reason)
    LEFT JOIN tasker.workflow_steps s ON c.state = 'in_progress' AND s.task_id = tasker.task_of(c.id) AND s.step_id = c.id;
  END IF;
  FOR i IN v_steps + 1..COALESCE(cardinality(v_ids), 0) LOOP
    v_told.task_id := -v_ids[i];
    v_told.from_state := v_from[i];
    v_told.to_state := v_to[i];
    v_told.reason := v_reasons[i];
    v_told.after_ms := v_after[i - v_steps];
    v_told.created_at := v_created[i - v_steps];
    RETURN NEXT v_told;
  END LOOP;
  v_told := NULL;
  v_told.accepted := p_accepted;
  v_told.at := p_at;
  v_told.newest := v_newest;
  RETURN NEXT v_told;
END
$$;
COMMENT ON FUNCTION tasker.follow IS
  'Makes the changes that follow from changes of steps that are already written, and writes all of them to the log. The caller holds the tasks'' locks.';

CREATE FUNCTION tasker.record_outcome(
  p_process_id bigint, p_jump bigint, p_step_id bigint, p_fence bigint, p_to text, p_result text, p_error text, p_delay_ms bigint,
  p_reason text, p_wanted bigint[], p_plain boolean)
RETURNS SETOF tasker.change
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
  v_at      timestamptz := tasker.now();
  v_task_id bigint      := tasker.task_of(p_step_id);
  v_state   text;
  v_step    record;
  v_nth     smallint;
  v_told    tasker.change;
BEGIN
  IF NOT p_plain THEN
    SELECT t.state INTO v_state FROM tasker.tasks t WHERE t.task_id = v_task_id FOR NO KEY UPDATE;
  END IF;
  UPDATE tasker.workflow_steps s
  SET state = p_to, result = p_result::json, error = p_error::json, process_id = NULL, suspect = false,
      next_run_at = v_at + p_delay_ms * interval '1 millisecond',
      completed_at = CASE WHEN p_delay_ms IS NULL THEN v_at END
  WHERE s.task_id = v_task_id AND s.step_id = p_step_id AND s.fence = p_fence AND s.state = 'in_progress'
  RETURNING s.attempts, s.children INTO v_step;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF NOT p_plain THEN
    RETURN QUERY SELECT * FROM tasker.follow(
      v_at, v_task_id, v_state, ARRAY[p_step_id], ARRAY['in_progress'], ARRAY[p_to], ARRAY[v_step.attempts::smallint], ARRAY[p_reason],
      CASE WHEN tasker.is_satisfied(p_to) THEN ARRAY(SELECT tasker.step_id(v_task_id, c) FROM unnest(v_step.children) AS c) END,
      p_wanted, p_process_id, p_jump, ARRAY[1]);
    RETURN;
  END IF;

  -- Plain: the step's only child, which has no other parent, is claimed at once. Nothing else of the task changes, so nobody locks it.
  v_nth := v_step.attempts;
  v_told.accepted := ARRAY[1];
  v_told.at := v_at;
  UPDATE tasker.workflow_steps s
  SET waiting_on = 0, state = 'in_progress', attempts = s.attempts + 1, fence = s.fence + p_jump, process_id = p_process_id,
      started_at = v_at
  WHERE s.task_id = v_task_id AND s.step_id = p_wanted[1] AND tasker.is_freed(s.state, s.waiting_on, 1::smallint)
    AND NOT tasker.is_apart(s.suspect, s.crashes, s.max_crashes)
  RETURNING s.step_id, s.attempts, s.name, s.handler, s.parents, s.children, s.crashes, s.max_attempts, s.fence INTO v_step;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'step % has changed: record the outcome of its parent % under the lock of their task', p_wanted[1], p_step_id
      USING ERRCODE = 'TK001';
  END IF;
  INSERT INTO tasker.transitions (task_id, step_id, from_state, to_state, attempt, at)
  VALUES (v_task_id, p_step_id, 'in_progress', p_to, v_nth, v_at),
         (v_task_id, v_step.step_id, 'pending', 'in_progress', v_step.attempts, v_at);
  v_told.newest := lastval();
  RETURN NEXT v_told;
  v_told := NULL;
  v_told.task_id := v_task_id;
  v_told.step_id := v_step.step_id;
  v_told.from_state := 'pending';
  v_told.to_state := 'in_progress';
  v_told.attempt := v_step.attempts;
  v_told.name := v_step.name;
  v_told.handler := v_step.handler;
  v_told.parents := v_step.parents;
  v_told.children := v_step.children;
  v_told.crashes := v_step.crashes;
  v_told.max_attempts := v_step.max_attempts;
  v_told.fence := v_step.fence;
  RETURN NEXT v_told;
END
$$;
COMMENT ON FUNCTION tasker.record_outcome IS
  'Records the outcome of an attempt, unless its claim is no longer valid. p_plain: the outcome is complete; the step has one child, which has no other parent, has a higher id, and is wanted.';

CREATE FUNCTION tasker.record_outcomes(
  p_process_id bigint, p_jump bigint, p_step_ids bigint[], p_fences bigint[], p_to text[], p_results text[], p_errors text[],
  p_delays_ms bigint[], p_reasons text[], p_wanted bigint[])
RETURNS SETOF tasker.change
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
  v_at   timestamptz := tasker.now();
  v_done record;
BEGIN
  PERFORM 1
  FROM tasker.tasks t
  WHERE t.task_id IN (SELECT tasker.task_of(o.step_id) FROM unnest(p_step_ids) AS o(step_id))
  ORDER BY t.task_id
  FOR NO KEY UPDATE;
  WITH accepted AS (
    UPDATE tasker.workflow_steps s
    SET state = o.to_state, result = o.result::json, error = o.error::json, process_id = NULL, suspect = false,
        next_run_at = v_at + o.delay_ms * interval '1 millisecond',
        completed_at = CASE WHEN o.delay_ms IS NULL THEN v_at END
    FROM unnest(p_step_ids, p_fences, p_to, p_results, p_errors, p_delays_ms, p_reasons) WITH ORDINALITY
      AS o(step_id, fence, to_state, result, error, delay_ms, reason, nth)
    WHERE s.task_id = tasker.task_of(o.step_id) AND s.step_id = o.step_id AND s.fence = o.fence AND s.state = 'in_progress'
    RETURNING s.task_id, s.step_id, s.state, s.attempts::smallint AS attempt, s.children, o.reason, o.nth::integer AS nth
  )
  SELECT array_agg(a.step_id) AS ids, array_agg(a.state::text) AS states, array_agg(a.attempt) AS attempts,
    array_agg(a.reason) AS reasons, array_agg(a.nth) AS accepted, (
      SELECT array_agg(tasker.step_id(p.task_id, c.ordinal))
      FROM accepted p
      CROSS JOIN LATERAL unnest(p.children) AS c(ordinal)
      WHERE tasker.is_satisfied(p.state)) AS freed
  INTO v_done
  FROM accepted a;
  IF v_done.ids IS NOT NULL THEN
    RETURN QUERY SELECT * FROM tasker.follow(
      v_at, NULL, NULL, v_done.ids, array_fill('in_progress'::text, ARRAY[cardinality(v_done.ids)]), v_done.states, v_done.attempts,
      v_done.reasons, v_done.freed, p_wanted, p_process_id, p_jump, v_done.accepted);
  END IF;
END
$$;
COMMENT ON FUNCTION tasker.record_outcomes IS
  'Records outcomes of attempts, of any tasks, in the order of their steps'' ids. An outcome whose claim is no longer valid is refused without touching the others.';

CREATE FUNCTION tasker.give_back(p_step_ids bigint[], p_fences bigint[], p_started boolean) RETURNS SETOF tasker.change
LANGUAGE plpgsql SET lock_timeout = '250ms' AS $$
DECLARE
  v_at   timestamptz := tasker.now();
  v_done record;
BEGIN
  PERFORM 1
  FROM tasker.tasks t
  WHERE t.task_id IN (SELECT tasker.task_of(c.step_id) FROM unnest(p_step_ids) AS c(step_id))
  ORDER BY t.task_id
  FOR NO KEY UPDATE;
  WITH returned AS (
    UPDATE tasker.workflow_steps s
    SET state = 'enqueued', attempts = s.attempts - (NOT p_started)::integer, process_id = NULL
    FROM (SELECT * FROM unnest(p_step_ids, p_fences) AS u(step_id, fence) ORDER BY u.step_id) c
    WHERE s.task_id = tasker.task_of(c.step_id) AND s.step_id = c.step_id AND s.fence = c.fence AND s.state = 'in_progress'
    RETURNING s.step_id, NULLIF(s.attempts, 0)::smallint AS attempt
  )
  SELECT array_agg(r.step_id) AS ids, array_agg(r.attempt) AS attempts, count(*)::integer AS count INTO v_done FROM returned r;
  IF v_done.count > 0 THEN
    RETURN QUERY SELECT * FROM tasker.follow(
      v_at, NULL, NULL, v_done.ids, array_fill('in_progress'::text, ARRAY[v_done.count]),
      array_fill('enqueued'::text, ARRAY[v_done.count]), v_done.attempts,
      array_fill(CASE WHEN p_started THEN 'interrupted' ELSE 'given_back' END, ARRAY[v_done.count]));
  END IF;
END
$$;
COMMENT ON FUNCTION tasker.give_back IS
  'Gives claims back, so that anybody may run the steps at once. If the handlers have not started, the attempts do not count.';

CREATE FUNCTION tasker.crash(p_task_id bigint, p_step_ids bigint[], p_counts boolean[], p_errors text[]) RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
DECLARE
  v_at    timestamptz := tasker.now();
  v_state text;
  v_done  record;
BEGIN
  SELECT t.state INTO v_state FROM tasker.tasks t WHERE t.task_id = p_task_id FOR NO KEY UPDATE;
  WITH crashed AS (
    UPDATE tasker.workflow_steps s
    SET state = CASE WHEN c.error IS NULL THEN 'enqueued' ELSE 'error' END, process_id = NULL, suspect = true,
        crashes = s.crashes + c.counts::integer, attempts = s.attempts - (NOT c.counts)::integer,
        completed_at = CASE WHEN c.error IS NOT NULL THEN v_at END, error = COALESCE(c.error::json, s.error)
    FROM (SELECT * FROM unnest(p_step_ids, p_counts, p_errors) AS u(step_id, counts, error) ORDER BY u.step_id) c
    WHERE s.task_id = p_task_id AND s.step_id = c.step_id AND s.state = 'in_progress'
    RETURNING s.step_id, s.state, NULLIF(s.attempts, 0)::smallint AS attempt, c.counts
  )
  SELECT array_agg(c.step_id) AS ids, array_agg(c.state::text) AS states, array_agg(c.attempt) AS attempts,
    array_agg(CASE WHEN c.state = 'error' THEN 'crash_limit' WHEN c.counts THEN 'lease_lapsed' ELSE 'process_died' END) AS reasons, count(*)::integer AS count
  INTO v_done
  FROM crashed c;
  IF v_done.count > 0 THEN
    RETURN QUERY SELECT * FROM tasker.follow(
      v_at, p_task_id, v_state, v_done.ids, array_fill('in_progress'::text, ARRAY[v_done.count]), v_done.states, v_done.attempts,
      v_done.reasons);
  END IF;
END
$$;
COMMENT ON FUNCTION tasker.crash IS
  'Takes steps of a task from processes that are gone. A step may run again, or it ends with its error if one is given. If the crash does not count, the attempt does not count either. The caller has locked the steps.';

CREATE FUNCTION tasker.take_out(p_step_id bigint,
  OUT task_id bigint, OUT task_state text, OUT task_failed boolean, OUT state text, OUT attempt smallint, OUT children smallint[])
LANGUAGE plpgsql AS $$
#variable_conflict use_column
BEGIN
  SELECT t.task_id, t.state, t.fail_fast AND t.failed_steps > 0
  INTO task_id, task_state, task_failed
  FROM tasker.tasks t
  WHERE t.task_id = tasker.task_of(p_step_id)
  FOR NO KEY UPDATE;
  DELETE FROM tasker.step_queue q WHERE q.task_id = tasker.task_of(p_step_id) AND q.step_id = p_step_id;
  SELECT s.state, NULLIF(s.attempts, 0), s.children
  INTO state, attempt, children
  FROM tasker.workflow_steps s
  WHERE s.task_id = tasker.task_of(p_step_id) AND s.step_id = p_step_id
  FOR NO KEY UPDATE;
END
$$;
COMMENT ON FUNCTION tasker.take_out IS
  'Takes all locks for a person''s decision on a step, takes the step out of the queue, and returns its state and its task''s. task_failed: the task is under fail_fast and has a step in error.';

CREATE FUNCTION tasker.retry_step(p_step_id bigint) RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
DECLARE
  v_at   timestamptz := tasker.now();
  v_step record;
BEGIN
  SELECT * INTO v_step FROM tasker.take_out(p_step_id);
  UPDATE tasker.workflow_steps s
  SET state = 'enqueued', max_attempts = s.max_attempts + 1, next_run_at = NULL, completed_at = NULL
  WHERE s.task_id = v_step.task_id AND s.step_id = p_step_id;
  RETURN QUERY SELECT * FROM tasker.follow(
    v_at, v_step.task_id, v_step.task_state, ARRAY[p_step_id], ARRAY[v_step.state], ARRAY['enqueued'], ARRAY[v_step.attempt],
    ARRAY['retry_step'], p_revive => v_step.task_failed, p_reason => 'retry_step');
END
$$;
COMMENT ON FUNCTION tasker.retry_step IS 'Lets a step run at once, and allows it one more attempt. The caller has checked under the locks that it may.';

CREATE FUNCTION tasker.resolve_step(p_step_id bigint, p_result text, p_reason text) RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
DECLARE
  v_at   timestamptz := tasker.now();
  v_step record;
BEGIN
  SELECT * INTO v_step FROM tasker.take_out(p_step_id);
  UPDATE tasker.workflow_steps s
  SET state = 'resolved_manually', result = p_result::json, next_run_at = NULL, completed_at = v_at
  WHERE s.task_id = v_step.task_id AND s.step_id = p_step_id;
  RETURN QUERY SELECT * FROM tasker.follow(
    v_at, v_step.task_id, v_step.task_state, ARRAY[p_step_id], ARRAY[v_step.state], ARRAY['resolved_manually'],
    ARRAY[v_step.attempt], ARRAY[p_reason],
    p_freed => ARRAY(SELECT tasker.step_id(v_step.task_id, c) FROM unnest(v_step.children) AS c),
    p_revive => v_step.task_failed, p_reason => 'resolve_step');
END
$$;
COMMENT ON FUNCTION tasker.resolve_step IS
  'Ends a step by a person''s decision; its children read this result. The caller has checked under the locks that it may end so.';

CREATE FUNCTION tasker.end_task(p_task_id bigint, p_to text, p_reason text) RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
DECLARE
  v_at    timestamptz := tasker.now();
  v_state text;
  v_done  record;
BEGIN
  SELECT t.state INTO v_state FROM tasker.tasks t WHERE t.task_id = p_task_id FOR NO KEY UPDATE;
  SELECT c.*, COALESCE(cardinality(c.ids), 0) AS count
  INTO v_done
  FROM tasker.cancel_steps(p_task_id, ARRAY['pending', 'enqueued', 'in_progress', 'waiting_for_retry', 'error'], v_at) AS c;
  RETURN QUERY SELECT * FROM tasker.follow(
    v_at, p_task_id, v_state, v_done.ids, v_done.before, array_fill('cancelled'::text, ARRAY[v_done.count]), v_done.attempts,
    array_fill(p_reason, ARRAY[v_done.count]), p_settle => true, p_reason => p_reason, p_decided => p_to);
END
$$;
COMMENT ON FUNCTION tasker.end_task IS 'Ends a task by a person''s decision, and cancels all steps that are unfinished or in error.';

CREATE FUNCTION tasker.heal(p_task_id bigint) RETURNS SETOF tasker.change
LANGUAGE plpgsql AS $$
DECLARE
  v_at     timestamptz := tasker.now();
  v_task   record;
  v_done   record;
  v_count  integer;
  v_to     text := 'cancelled';
  v_reason text := 'sweep';
BEGIN
  SELECT t.state, t.failing INTO v_task FROM tasker.tasks t WHERE t.task_id = p_task_id FOR NO KEY UPDATE;
  IF v_task.failing OR (tasker.has_ended(v_task.state) AND v_task.state <> 'error') THEN
    -- Nothing of such a task begins any more, unless a person brings it back to life.
    SELECT c.* INTO v_done FROM tasker.cancel_steps(p_task_id, ARRAY['pending', 'enqueued', 'waiting_for_retry'], v_at) AS c;
    IF v_task.failing THEN
      v_reason := 'fail_fast';
    END IF;
  ELSE
    v_to := 'enqueued';
    WITH released AS (
      UPDATE tasker.workflow_steps s
      SET state = 'enqueued'
      WHERE s.task_id = p_task_id AND s.state = 'pending' AND s.waiting_on = 0
      RETURNING s.step_id, NULLIF(s.attempts, 0)::smallint AS attempt
    )
    SELECT array_agg(r.step_id ORDER BY r.step_id) AS ids, array_agg('pending'::text) AS before,
      array_agg(r.attempt ORDER BY r.step_id) AS attempts
    INTO v_done
    FROM released r;
  END IF;
  v_count := COALESCE(cardinality(v_done.ids), 0);
  RETURN QUERY SELECT * FROM tasker.follow(
    v_at, p_task_id, v_task.state, v_done.ids, v_done.before, array_fill(v_to, ARRAY[v_count]), v_done.attempts,
    array_fill(v_reason, ARRAY[v_count]), p_settle => true, p_reason => 'sweep');
END
$$;
COMMENT ON FUNCTION tasker.heal IS
  'Lets a task go on after its counters were corrected: steps that wait for nothing are enqueued, and the task ends if no step is active.';

CREATE OR REPLACE FUNCTION tasker.record_one(
  p_process_id bigint, p_step_id bigint, p_fence integer, p_to text, p_result text, p_error text, p_delay_ms bigint,
  p_reason text, p_wanted bigint[])
RETURNS TABLE (
  kind text, task_id bigint, step_id bigint, state text, name text, handler text, parents smallint[], children smallint[],
  attempts smallint, crashes smallint, max_attempts smallint, fence integer, after_ms numeric, at timestamptz,
  newest_transition bigint)
LANGUAGE sql AS $$
  SELECT CASE WHEN c.accepted IS NOT NULL THEN 'accepted' WHEN c.step_id IS NULL THEN 'ended' ELSE 'readied' END,
    COALESCE(c.task_id, tasker.task_of(p_step_id)), CASE WHEN c.accepted IS NOT NULL THEN p_step_id ELSE c.step_id END,
    COALESCE(c.to_state, p_to), c.name, c.handler, c.parents, c.children, c.attempt, c.crashes, c.max_attempts, c.fence::integer,
    c.after_ms::numeric, c.at, c.newest
  FROM tasker.record_outcome(
    p_process_id, 1, p_step_id, p_fence, p_to, p_result, p_error, p_delay_ms, p_reason, p_wanted, false) AS c
  WHERE c.to_state IS DISTINCT FROM 'cancelled'
$$;
COMMENT ON FUNCTION tasker.record_one IS
  'For processes of the previous version, which still work while the new one is rolled out: tasker.record_outcome with their arguments and answer.';
