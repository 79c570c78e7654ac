# frozen_string_literal: true

require "tasker_core/rspec"
require_relative "test_database"

# The kit, on a database that all its specs share, as an application's do.
RSpec.configure do |config|
  config.when_first_matching_example_defined(:tasker_core) do
    TaskerCore::RSpec.configure { |kit| kit.database_url = TestDatabase.create }
  end
end
