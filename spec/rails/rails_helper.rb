# frozen_string_literal: true

require "logger" # Rails before 7.1 counts on others to load it
require "rails"
require_relative "../spec_helper"
require "tasker_core/railtie" # which came with tasker_core, had Rails been there before
require_relative "../support/workflows"
require_relative "support/example_app"

# One Rails application for the process of these specs: a copy of the example, in the environment development, on a database of
# its own. `RailsApp::FOLDER` may be changed, as a developer does; what is changed is put back.
module RailsApp
  FOLDER = ExampleApp.copy

  # Rails looks at the times of files, and not at those that lie in the future: what was there is an hour old, and what is
  # changed gets newer from there.
  @time = Time.now - 3600
  Dir["#{FOLDER}/**/*"].each { |file| File.utime(@time, @time, file) }

  DATABASE_URL = TestDatabase.create

  ENV.update("DATABASE_URL" => DATABASE_URL, "RAILS_ENV" => "development", "TASKER_EMBEDDED_WORKER" => "false", "LOG_LEVEL" => "debug")
  require "#{FOLDER}/config/environment"
  require "rack/mock"

  class << self
    def app = Rails.application

    # @return [Rack::MockResponse]
    def request(method, path, **form)
      Rack::MockRequest.new(app).request(method, path, params: form)
    end

    def get(path) = request("GET", path)
    def post(path, **form) = request("POST", path, **form)

    # Writes a file of the application for the duration of the block, newer than what was there.
    def with_file(path, text)
      file = Pathname(FOLDER) + path
      former = file.read if file.file?
      write(file, text)
      yield
    ensure
      former ? write(file, former) : file.delete
      app.reloader.wrap {}
    end

    # Runs the generator of workflows in the application.
    #
    # @return [Array<String>] the files that it made
    def generate(name, *steps, test_framework: "rspec")
      require "rails/generators"
      require "generators/tasker_core/workflow/workflow_generator"
      before = files
      generator = TaskerCore::Generators::WorkflowGenerator
      generator.new([name, *steps], { test_framework: test_framework, quiet: true }, destination_root: FOLDER).invoke_all
      (files - before).each { |file| touch(File.join(FOLDER, file)) }
    end

    def remove(made)
      made.each { |file| File.delete(File.join(FOLDER, file)) }
      app.reloader.wrap {}
    end

    private

    def files = Dir.chdir(FOLDER) { Dir["**/*"].select { |file| File.file?(file) } }

    def touch(file)
      @time += 2
      File.utime(@time, @time, file)
    end

    def write(file, text)
      file.dirname.mkpath
      file.write(text)
      touch(file)
    end
  end
end

RSpec.configure do |config|
  config.after(:suite) { TaskerCore.close }
end
