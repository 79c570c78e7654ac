# frozen_string_literal: true

require "delegate"
require "monitor"

module TaskerCore
  module RSpec
    # An example's native handle. It marks the names that go in, and shows the names that come out without their marks.
    #
    # @api private
    class ExampleNative < SimpleDelegator
      # How many tasks the core lists where the filter has no limit.
      PAGE = 50
      private_constant :PAGE

      def initialize(native, scope:, journal:, library:)
        super(native)
        @scope = scope
        @journal = journal
        @library = library
        @lock = ::Monitor.new
        @provided = {}
      end

      def add_handler(name) = super(@scope.mark(name))

      def register_template(template)
        provided(template)
        shown { super(@scope.template(template)) }
      end

      # Registers a template of the kit's own. The application's template of this name can still be used.
      def register_aside(template) = shown { __getobj__.register_template(@scope.template(template)) }

      def initialize_task(request, connection)
        shown { super(prepared(request), connection) }.tap { |created| note(created, connection) }
      end

      def handle_task(request, timeout_ms)
        shown { super(prepared(request), timeout_ms) }.tap { |run| note(run) }
      end

      def initialize_tasks(requests, connection)
        prepared = requests.is_a?(Array) ? requests.map { |request| prepared(request) } : requests
        shown { super(prepared, connection) }.each { |created| note(created, connection) }
      end

      def start_worker(options)
        options = options.transform_keys(&:to_s) if options.is_a?(Hash)
        names = options["namespaces"] if options.is_a?(Hash)
        options = options.merge("namespaces" => names.map { |name| @scope.namespace(name) }) if names.is_a?(Array)
        shown { super(options) }
      end

      # Lists only the example's own tasks, over all of its namespaces, as the core does for a whole database.
      def list_tasks(filter)
        return super unless filter.is_a?(Hash)

        filter = filter.transform_keys(&:to_s)
        return shown { super(filter.merge("namespace" => @scope.namespace(filter["namespace"]))) } if filter["namespace"]

        namespaces = @scope.namespaces
        namespaces = [@scope.namespace(nil)] if namespaces.empty? # so that a wrong filter is refused even without tasks
        one_page(namespaces.map { |namespace| shown { super(filter.merge("namespace" => namespace)) } }, filter["limit"])
      end

      # Retries only the example's own tasks, as {#list_tasks} lists no others.
      def retry_tasks(filter)
        return super unless filter.nil? || filter.is_a?(Hash)

        filter = (filter || {}).transform_keys(&:to_s)
        namespaces = filter["namespace"] ? [@scope.namespace(filter["namespace"])] : @scope.namespaces
        namespaces = [@scope.namespace(nil)] if namespaces.empty?
        retried = namespaces.map { |namespace| shown { super(filter.merge("namespace" => namespace)) } }
        %w[tasks steps].to_h { |key| [key, retried.sum { |one| one[key] }] }
      end

      def task_context(task_id) = shown { super }

      def explain(task_id) = shown { super }

      def execute_step(step) = shown { super }

      def orchestrate_task(task_id, timeout_ms) = shown { super }

      def subscribe(pattern, block)
        scope = @scope
        super(pattern, block && proc { |event| block.call(Result.new(scope.strip(event.to_h))) })
      end

      private

      # The newest of all pages. A cursor is the id of a page's last task, whatever its namespace.
      def one_page(pages, limit)
        tasks = pages.flat_map { |page| page["tasks"] }.sort_by { |task| -task["task_id"] }
        page = tasks.first(limit || PAGE)
        more = page.size < tasks.size || pages.any? { |one| one["next_cursor"] }
        { "tasks" => page, "next_cursor" => (page.last["task_id"].to_s if more) }
      end

      def prepared(request)
        return request unless request.is_a?(Hash)

        keys = request.transform_keys(&:to_s)
        provide(keys["namespace"] || "default", keys["task_name"])
        @scope.request(request)
      end

      # Registers the application's own template of this name, unless the example has registered one.
      def provide(namespace, name)
        @lock.synchronize do
          return if @provided[[namespace.to_s, name.to_s]]

          @library.find(namespace, name).each { |template| register_template(template) }
        end
      end

      def provided(template)
        keys = template.transform_keys(&:to_s)
        @lock.synchronize { @provided[[(keys["namespace"] || "default").to_s, keys["name"].to_s]] = true }
      end

      def note(created, connection = nil) = created["created"] && @journal.created(created["task_id"], connection)

      def shown
        error = begin
          return @scope.strip(yield)
        rescue Error => e
          e
        end
        raise renamed(error) # outside of the rescue, or the error would be its own cause
      end

      def renamed(error)
        message = @scope.strip(error.message)
        message == error.message ? error : error.exception(message).tap { |same| same.set_backtrace(error.backtrace) }
      end
    end
  end
end
