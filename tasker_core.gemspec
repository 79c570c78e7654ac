# frozen_string_literal: true

require_relative "lib/tasker_core/version"

Gem::Specification.new do |spec|
  spec.name     = "tasker_core"
  spec.version  = TaskerCore::VERSION
  spec.platform = "java"
  spec.authors  = ["the tasker_core authors"]
  spec.license  = "MIT"

  spec.summary     = "Durable DAG workflows for Ruby applications on JRuby"
  spec.description = <<~TEXT
    Task templates declare a DAG of steps, Ruby handlers run them, and all state lives in PostgreSQL,
    so that a task survives a crash of anything. The orchestration core is Java and ships inside the gem:
    no second server, no message broker.
  TEXT
  spec.metadata = { "rubygems_mfa_required" => "true" }

  spec.required_ruby_version = ">= 3.1"

  # Not git's list: the jars are built, and the gem can be built from an unpacked archive.
  spec.files = Dir.chdir(__dir__) do
    Dir["lib/**/*", "exe/*", "docs/**/*.md", "README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"].select { |path| File.file?(path) }
  end
  spec.bindir        = "exe"
  spec.executables   = spec.files.grep(%r{\Aexe/}) { |path| File.basename(path) }
  spec.require_paths = ["lib"]
end
