# frozen_string_literal: true

require "tasker_core"
require_relative "support/test_database"

RSpec.configure do |config|
  config.disable_monkey_patching! # `describe` and `should` stay RSpec's own

  config.expect_with(:rspec) { |expectations| expectations.include_chain_clauses_in_custom_matcher_descriptions = true }
  config.mock_with(:rspec) { |mocks| mocks.verify_partial_doubles = true }
  config.shared_context_metadata_behavior = :apply_to_host_groups

  config.example_status_persistence_file_path = "build/rspec-status.txt" # for --only-failures
  config.fail_if_no_examples = true
  config.order = :random
  Kernel.srand(config.seed)

  config.after(:suite) { TestDatabase.drop_all }
end
