# frozen_string_literal: true

require "rspec/core"
require "rspec/expectations"
require "tasker_core"

module TaskerCore
  # Workflows in RSpec: run inline in an example, on the real core and a real PostgreSQL, with time that passes at once.
  #
  #   require "tasker_core/rspec"
  #
  #   RSpec.describe "Order fulfillment", :tasker_core do
  #     it "charges the card at the third attempt" do
  #       order = run_workflow("process_order", namespace: "fulfillment", payload: { order_id: 7 })
  #
  #       expect(order).to have_completed
  #       expect(order).to have_step(:charge).with_attempts(3).with_result("charge_id" => "ch_7")
  #     end
  #   end
  #
  # Examples with +:tasker_core+ (or <tt>type: :workflow</tt>) get the methods of {Examples} and {Matchers}. Each
  # example has templates, handlers, tasks, idempotency keys and a clock of its own, and what it made is gone
  # afterwards. docs/testing.md is the manual.
  module RSpec
    class << self
      # Sets where workflows run in examples, and which templates they know.
      #
      #   TaskerCore::RSpec.configure do |kit|
      #     kit.database_url = "postgres://localhost/shop_test"
      #     kit.templates = Dir["app/workflows/*.yml"]
      #   end
      #
      # @yieldparam settings [Settings]
      def configure = yield settings

      # @return [Settings]
      def settings = @settings ||= Settings.new

      # @api private
      # @return [Stage]
      def stage = @stage ||= Stage.new(settings)

      # Ends what examples shared; the next example makes it again.
      #
      # @api private
      def close
        @stage&.close
        @stage = nil
      end
    end
  end
end

require_relative "rspec/settings"
require_relative "rspec/scope"
require_relative "rspec/library"
require_relative "rspec/journal"
require_relative "rspec/example_handlers"
require_relative "rspec/example_native"
require_relative "rspec/stage"
require_relative "rspec/session"
require_relative "rspec/report"
require_relative "rspec/workflow_run"
require_relative "rspec/step_run"
require_relative "rspec/rehearsal"
require_relative "rspec/matchers"
require_relative "rspec/examples"

RSpec.configure do |config|
  config.define_derived_metadata(type: :workflow) { |metadata| metadata[:tasker_core] = true unless metadata.key?(:tasker_core) }
  config.include TaskerCore::RSpec::Examples, :tasker_core
  config.include TaskerCore::RSpec::Matchers, :tasker_core
  config.around(:each, :tasker_core) { |example| TaskerCore::RSpec::Session.during { example.run } }
  config.after(:suite) { TaskerCore::RSpec.close }
end
