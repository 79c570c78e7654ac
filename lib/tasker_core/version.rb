# frozen_string_literal: true

module TaskerCore
  # Of the gem, as semantic versioning has it.
  VERSION = "0.1.0"
end
