# frozen_string_literal: true

require "active_job"
require "digest"
require "json"
require "tasker_core"

module ActiveJob
  module QueueAdapters
    # Active Job on tasker_core: each job is a task of one step.
    #
    #   config.active_job.queue_adapter = :tasker_core
    #
    # or with options, see {#initialize}:
    #
    #   config.active_job.queue_adapter = ActiveJob::QueueAdapters::TaskerCoreAdapter.new(
    #     connection: -> { ActiveRecord::Base }
    #   )
    #
    # A queue is the namespace +active_job:QUEUE+, and a job's class is the name of its workflow. So a worker can take
    # some queues only (<tt>tasker work --namespaces active_job:mailers</tt>), and +list_tasks+ can tell jobs apart.
    # docs/active-job.md is the manual.
    class TaskerCoreAdapter
      # Comes before a queue's name, so that queues and workflows do not share namespaces.
      NAMESPACE = "active_job"

      # Long enough for any job, and short enough to be noticed.
      A_DAY_MS = 86_400_000

      # A worker finds its handler by a name for each class of jobs, <tt>JobHandler[InvoiceJob]</tt>. A process that
      # cannot load the class has no handler of this name, and leaves its jobs to processes that can.
      HANDLER = "ActiveJob::QueueAdapters::TaskerCoreAdapter::JobHandler"

      PRIORITIES = (-100..100).freeze
      private_constant :A_DAY_MS, :PRIORITIES

      # Performs the job that is a task's payload.
      class JobHandler
        # @param job_class [String]
        # @return [JobHandler]
        # @raise [NameError] if there is no such class here
        def self.handler_for(job_class)
          job_class.constantize
          new
        end

        # @param context [TaskerCore::StepContext]
        # @return [nil]
        def call(context)
          Base.execute(context.payload.merge("provider_job_id" => context.task_id))
          nil
        end
      end

      # @param queue [String, Symbol]
      # @return [String] the namespace of the queue's jobs, for a worker's +namespaces+
      def self.namespace(queue) = "#{NAMESPACE}:#{queue}"

      # @param connection [#call, nil] gives the connection in whose transaction jobs are enqueued, see
      #   {TaskerCore::Coordinator#initialize_task}; nil: each job is enqueued in a transaction of its own. Then Active
      #   Job 7.2 can wait for the commit of the application's transaction, see {#enqueue_after_transaction_commit?}
      # @param max_attempts [Integer] how often a job runs if nothing rescues its exception; +retry_on+ and its like,
      #   which enqueue the job again, come first
      # @param timeout_ms [Integer] how long one attempt may run
      # @param coordinator [TaskerCore::Coordinator, nil] the process's own, unless given
      def initialize(connection: nil, max_attempts: 1, timeout_ms: A_DAY_MS, coordinator: nil)
        @connection = connection
        @options = { retry: { max_attempts: max_attempts }, timeout_ms: timeout_ms }.freeze
        @coordinator = coordinator
        @lock = Mutex.new
        @templates = {}
      end

      # For jobs of Active Job 7.2 whose +enqueue_after_transaction_commit+ is +:default+: whether they wait for the
      # commit of the application's transaction. If they are enqueued on its connection, they need not, because its
      # commit creates them.
      #
      # @return [Boolean]
      def enqueue_after_transaction_commit? = @connection.nil?

      # Whether the worker was told to take no more. Active Job's continuations (Rails 8.1) ask this at their checkpoints,
      # and then enqueue the rest of the job again.
      #
      # @return [Boolean]
      def stopping? = coordinator.stopping?

      # @param job [ActiveJob::Base]
      def enqueue(job) = enqueue_as(job, request(job))

      # @param job [ActiveJob::Base]
      # @param timestamp [Numeric] when it may run, in seconds since 1970
      def enqueue_at(job, timestamp) = enqueue_as(job, request(job, run_at: Time.at(timestamp).utc))

      # All of them in one transaction, or none.
      #
      # @param jobs [Array<ActiveJob::Base>]
      # @return [Integer] how many were enqueued
      def enqueue_all(jobs)
        requests = jobs.map { |job| job.scheduled_at ? request(job, run_at: Time.at(job.scheduled_at.to_f).utc) : request(job) }
        tasks = with_templates(jobs) { coordinator.initialize_tasks(requests, connection: connection) }
        jobs.zip(tasks) { |job, task| created(job, task) && job.successfully_enqueued = true }
        jobs.size
      end

      private

      def coordinator = @coordinator || TaskerCore.coordinator

      def connection = @connection&.call

      def enqueue_as(job, request)
        created(job, with_templates([job]) { coordinator.initialize_task(request, connection: connection) })
      end

      def with_templates(jobs, &block)
        templates = jobs.map { |job| template_of(job) }.uniq
        coordinator.with_registered(templates.to_h { |template| ["#{template[:namespace]} #{template[:name]}", template] }, &block)
      end

      def created(job, task)
        job.provider_job_id = task.task_id
        task
      end

      def request(job, **more)
        template = template_of(job)
        {
          namespace: template[:namespace], task_name: template[:name], version: template[:version], payload: job.serialize,
          priority: priority(job), correlation_id: job.job_id, initiator: NAMESPACE, **more
        }
      end

      # In Active Job lower numbers go first; in the core, higher ones do.
      def priority(job) = (-job.priority.to_i).clamp(PRIORITIES)

      def template_of(job) = template(job.queue_name.to_s, job.class.name)

      def template(queue, job_class)
        @lock.synchronize do
          @templates[[queue, job_class]] ||= begin
            step = { name: "perform", handler: "#{HANDLER}[#{job_class}]", **@options }
            { namespace: self.class.namespace(queue), name: job_class, version: version(step), steps: [step] }.freeze
          end
        end
      end

      # Other options make another version, because a version's content never changes.
      def version(step) = "1.0.0-#{NAMESPACE.tr('_', '-')}-#{Digest::SHA256.hexdigest(JSON.generate(step))[0, 8]}"
    end
  end
end
