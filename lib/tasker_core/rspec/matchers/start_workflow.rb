# frozen_string_literal: true

module TaskerCore
  module RSpec
    module Matchers
      # @see Matchers#start_workflow
      class StartWorkflow
        include ::RSpec::Matchers::Composable
        include StringKeys

        def initialize(name)
          @name = name&.to_s
          @expectations = {}
        end

        # @param payload [Hash, #matches?]
        def with_payload(payload) = expecting("payload", with_string_keys(payload))

        # @param tags [Array<String>, #matches?]
        def with_tags(tags) = expecting("tags", tags)

        # @param priority [Integer, #matches?]
        def with_priority(priority) = expecting("priority", priority)

        # @param namespace [String]
        def in_namespace(namespace) = expecting("namespace", namespace.to_s)

        # @param count [Integer]
        def times(count)
          @count = count
          self
        end

        # Exactly one; without a count, one or more.
        def once = times(1)

        def supports_block_expectations? = true

        def supports_value_expectations? = false

        def matches?(block)
          session = Session.current!
          before = session.journal.task_ids
          block.call
          @created = session.existing(session.journal.task_ids - before).map(&:context)
          fitting = @created.count { |task| fits?(task) }
          @count ? fitting == @count : fitting.positive?
        end

        def does_not_match?(block) = !matches?(block)

        def description
          said = @expectations.map { |key, value| "with the #{key} #{description_of(value)}" }
          ["start #{@name ? "the workflow #{@name}" : 'a workflow'}", *said, *("#{@count} times" if @count)].join(" ")
        end

        def failure_message = "expected the block to #{description}, but #{what_was_started}"

        def failure_message_when_negated = "expected the block not to #{description}, but #{what_was_started}"

        private

        def expecting(key, value)
          @expectations[key] = value
          self
        end

        def fits?(task)
          (@name.nil? || task["name"] == @name) && @expectations.all? { |key, value| values_match?(value, task[key]) }
        end

        def what_was_started
          return "it started none" if @created.empty?

          "it started\n" + @created.map { |task| "  #{task['namespace']}/#{task['name']} with the payload #{task['payload'].inspect}\n" }.join
        end
      end
    end
  end
end
