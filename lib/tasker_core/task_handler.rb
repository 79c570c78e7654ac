# frozen_string_literal: true

module TaskerCore
  # A workflow as a class of the application: it names the template, and has a place for code that belongs to the
  # workflow.
  #
  #   class OrderFulfillment < TaskerCore::TaskHandler
  #     template "order_fulfillment.yml"   # beside this file
  #   end
  #
  #   orders = OrderFulfillment.new
  #   task = orders.initialize_task({ order_id: 7 }, idempotency_key: "order-7")
  #   orders.handle(task.task_id)
  #
  # It only delegates to a {Coordinator}. The template is registered when the first task is created, once for each coordinator.
  class TaskHandler
    FILE = /\A[^\n:{]+\.ya?ml\z/i
    private_constant :FILE

    class << self
      # Names the workflow's template, or returns it.
      #
      # @param source [String, Pathname, Hash] a YAML file, relative to the file of the caller; YAML text; the template itself
      # @return [Hash] the template
      # @raise [ValidationError] if it cannot be read
      # @raise [ConfigurationError] if none was named
      def template(source = nil)
        return @template = TemplateSource.read(located(source, caller_locations(1, 1).first)).freeze if source

        @template || inherited_template
      end

      private

      def located(source, caller)
        return source unless Pathname === source || (String === source && file?(source))

        Pathname(source).expand_path(File.dirname(caller.absolute_path || caller.path))
      end

      def file?(text)
        FILE.match?(text)
      rescue ArgumentError, EncodingError
        false # an invalid text is refused as a template
      end

      def inherited_template
        return superclass.template unless equal?(TaskHandler) || superclass.equal?(TaskHandler)

        Native.refuse_configuration("#{name || self} names no template: give it one, template \"file.yml\"")
      end
    end

    # @return [Coordinator]
    attr_reader :coordinator

    # @param coordinator [Coordinator] the process's own, unless given
    # @raise [InvalidTypeError]
    def initialize(coordinator = TaskerCore.coordinator)
      Native.refuse_type("coordinator", "a TaskerCore::Coordinator", coordinator) unless Native.responds_to?(coordinator, :with_registered)
      @coordinator = coordinator
    end

    # Creates a task of the workflow, as {Coordinator#initialize_task} does.
    #
    # @param payload [Hash]
    # @param options further keys of a request (+priority+, +idempotency_key+, …), and +connection+
    # @return [Result]
    def initialize_task(payload = {}, connection: nil, **options)
      coordinator.with_registered((self.class.name || self.class) => self.class.template) do |(template)|
        request = { namespace: template.namespace, task_name: template.name, version: template.version, payload: payload }
        coordinator.initialize_task(request.merge(options), connection: connection)
      end
    end

    # Runs a task, as {Coordinator#handle_task} does.
    #
    # @param task_id [Integer]
    # @return [Result]
    def handle(task_id) = coordinator.handle_task(task_id)
  end
end
