# frozen_string_literal: true

require "active_job"
require "tasker_core"

# Makes <tt>queue_adapter = :tasker_core</tt> known to Active Job. In a Rails application the Railtie does so.
module ActiveJob
  module QueueAdapters
    autoload :TaskerCoreAdapter, "active_job/queue_adapters/tasker_core_adapter"
  end
end
