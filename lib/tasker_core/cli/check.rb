# frozen_string_literal: true

require "pathname"

module TaskerCore
  module CLI
    # +tasker check+: templates, without a database.
    #
    # @api private
    class Check
      # @param options [Options]
      # @param out [IO]
      def initialize(options, out)
        @options = options
        @out = out
      end

      # @return [Integer] the exit code
      def run
        @options.files.map { |file| check(file) }.all? ? OK : ERROR
      end

      private

      def check(file)
        template = TaskerCore.check_template(Pathname(file), environment: @options.environment || "development")
        @out.puts("#{file}: #{template.namespace}/#{template.name} #{template.version}, #{template.step_count} steps")
        true
      rescue ValidationError => e
        tell(file, e)
        false
      end

      def tell(file, refusal)
        refusal.errors.each { |error| @out.puts("#{file}: #{[error['path'], error['message']].reject(&:empty?).join(': ')}") }
      end
    end
  end
end
