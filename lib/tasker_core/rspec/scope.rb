# frozen_string_literal: true

require "securerandom"

module TaskerCore
  module RSpec
    # Keeps an example apart from everything else in its database. Its namespaces and handlers are stored under names
    # that nobody else uses, and shown under their own.
    #
    # A worker elsewhere has no handler of these names, so it leaves the steps alone. Templates and idempotency keys
    # belong to a namespace, so they meet no others.
    #
    # @api private
    class Scope
      DEFAULT_NAMESPACE = "default"
      private_constant :DEFAULT_NAMESPACE

      def initialize
        @mark = ":rspec-#{SecureRandom.hex(6)}"
        @lock = Mutex.new
        @namespaces = {}
      end

      # @return [Array<String>] as they are stored
      def namespaces = @lock.synchronize { @namespaces.keys }

      # @param name [String, Symbol, nil] nil: the default one
      def namespace(name)
        name = DEFAULT_NAMESPACE if name.nil?
        return name unless name.is_a?(String) || name.is_a?(Symbol)

        marked = mark(name)
        @lock.synchronize { @namespaces[marked] = true }
        marked
      end

      # @return [String]
      def mark(name) = "#{name}#{@mark}"

      def marked?(name) = name.end_with?(@mark)

      # The template as it is stored. A document that is no template is left for the core to refuse.
      def template(document)
        document = document.transform_keys(&:to_s)
        document["namespace"] = namespace(document["namespace"])
        document["steps"] = steps(document["steps"])
        if document["environments"].is_a?(Hash)
          document["environments"] = document["environments"].transform_values { |part| environment(part) }
        end
        document.compact
      end

      # The request as it is stored.
      def request(request)
        request = request.transform_keys(&:to_s)
        request.merge("namespace" => namespace(request["namespace"]))
      end

      # A value as it was before its names were marked.
      def strip(value)
        case value
        when String then value.include?(@mark) ? value.gsub(@mark, "") : value
        when Hash then value.transform_values { |one| strip(one) }
        when Array then value.map { |one| strip(one) }
        else value
        end
      end

      private

      def environment(part) = part.is_a?(Hash) ? with(part, "steps") { |steps| steps(steps) } : part

      def steps(steps) = steps.is_a?(Array) ? steps.map { |step| step(step) } : steps

      def step(step) = step.is_a?(Hash) ? with(step, "handler") { |name| handler(name) } : step

      def handler(name) = (name.is_a?(String) || name.is_a?(Symbol)) && !name.to_s.strip.empty? ? mark(name) : name

      def with(hash, key)
        hash = hash.transform_keys(&:to_s)
        hash.key?(key) ? hash.merge(key => yield(hash[key])) : hash
      end
    end
  end
end
