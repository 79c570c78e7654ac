# frozen_string_literal: true

require "rails/generators/named_base"
require "tsort"
require "yaml"

module TaskerCore
  module Generators
    # +rails generate tasker_core:workflow NAME step step:after_step[,other]+: a template, its handlers, and their specs.
    #
    # A name with a folder, +fulfillment/process_order+, has the namespace +fulfillment+.
    class WorkflowGenerator < ::Rails::Generators::NamedBase
      # A step that will be created, and the names of the steps that it comes after.
      Step = Struct.new(:name, :parents) do
        # @param argument [String] +name+ or +name:parent,parent+
        def self.parse(argument)
          name, parents, rest = argument.split(":")
          if rest || name.nil? || [name, *parents.to_s.split(",")].any? { |part| !part.match?(/\A[a-z]\w*\z/) }
            raise Thor::Error, "#{argument.empty? ? 'an empty name' : argument} is no step: give a name in lower case, or name:after_step,after_other_step"
          end

          new(name, parents.to_s.split(","))
        end

        def class_name = name.camelize
      end

      CLASS_NAME = /\A[A-Z]\w*(::[A-Z]\w*)*\z/
      private_constant :CLASS_NAME

      source_root File.expand_path("templates", __dir__)
      desc "Creates a workflow: its template in config/tasks, its handlers in app/handlers, and specs for them"

      argument :steps, type: :array, required: true, banner: "step step:after_step[,other]"
      class_option :test_framework, type: :string, desc: "rspec or test_unit; rspec where spec has its helper"

      def check_name
        refuse("#{name} would make handlers in #{class_name}, which is no name of a module in Ruby: give another") unless CLASS_NAME.match?(class_name)
      end

      def check_steps
        @steps = steps.map { |argument| Step.parse(argument) }
        names = @steps.map(&:name)
        refuse("#{repeated(names)} is given twice") if repeated(names)
        @steps.each do |step|
          (step.parents - names).each { |missing| refuse("#{step.name} comes after #{missing}, which is no step of this workflow") }
        end
        refuse("the steps come after each other: #{cycle.join(', ')}") if cycle
      end

      def create_template
        template "workflow.yml.tt", File.join("config/tasks", "#{file_path}.yml")
      end

      def create_handlers
        each_step { template "handler.rb.tt", File.join("app/handlers", file_path, "#{@step.name}.rb") }
      end

      def create_specs
        folder, suffix = rspec? ? %w[spec spec] : %w[test test]
        each_step { template "handler_#{suffix}.rb.tt", File.join(folder, "handlers", file_path, "#{@step.name}_#{suffix}.rb") }
        template "workflow_#{suffix}.rb.tt", File.join(folder, "workflows", "#{file_path}_#{suffix}.rb")
      end

      private

      def each_step
        @steps.each do |step|
          @step = step
          yield
        end
      end

      def repeated(names) = names.find { |name| names.count(name) > 1 }

      # @return [Array<String>, nil] the names of steps that would wait for each other for ever
      def cycle
        parents = @steps.to_h { |step| [step.name, step.parents] }
        TSort.strongly_connected_components(parents.method(:each_key), ->(name, &block) { parents[name].each(&block) })
             .find { |names| names.size > 1 || parents[names.first].include?(names.first) }
      end

      def refuse(message) = raise(Thor::Error, message)

      # A String was given on the command line. A Symbol comes from the application: with rails/all it is :test_unit,
      # whether or not anybody set it, and an RSpec set-up says more.
      def rspec?
        wanted = options[:test_framework]
        wanted.is_a?(String) ? wanted == "rspec" : wanted == :rspec || there?("spec/rails_helper.rb") || there?("spec/spec_helper.rb")
      end

      def namespace_name = regular_class_path.join("_")

      def handler_name(step) = "#{class_name}::#{step.class_name}"

      # Where RSpec for Rails is set up.
      def helper = there?("spec/rails_helper.rb") ? "rails_helper" : "spec_helper"

      def there?(file) = File.exist?(File.join(destination_root, file))

      # The text as YAML has to spell it: yes, no and null without quotes would be other values.
      def yaml(text) = text.to_yaml.delete_prefix("--- ").chomp

      def parent_results = @step.parents.to_h { |name| [name, {}] }
    end
  end
end
