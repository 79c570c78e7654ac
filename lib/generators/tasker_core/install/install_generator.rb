# frozen_string_literal: true

require "rails/generators/base"

module TaskerCore
  module Generators
    # +rails generate tasker_core:install+: the configuration, an initializer, and a workflow to try.
    class InstallGenerator < ::Rails::Generators::Base
      source_root File.expand_path("templates", __dir__)
      desc "Creates config/tasker_core.yml, an initializer, and a workflow to try"

      class_option :sample, type: :boolean, default: true, desc: "Create a workflow to try"

      def create_configuration
        copy_file "tasker_core.yml", "config/tasker_core.yml"
        copy_file "initializer.rb", "config/initializers/tasker_core.rb"
      end

      def create_sample
        return unless options[:sample]

        ::Rails::Generators.invoke("tasker_core:workflow", %w[greeting compose deliver:compose],
                                   behavior: behavior, destination_root: destination_root)
      end

      def tell_what_is_next
        readme "NEXT" if behavior == :invoke
      end
    end
  end
end
