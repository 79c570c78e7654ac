# frozen_string_literal: true

module TaskerCore
  module RSpec
    # The application's templates, so that examples need not register what the application registers at its start.
    #
    # @api private
    class Library
      # @param sources [Array<String, Pathname, Hash>]
      def initialize(sources)
        @sources = sources
      end

      # @return [Array<Hash>] the versions of a template
      def find(namespace, name) = templates.fetch([namespace.to_s, name.to_s], [])

      private

      def templates
        @templates ||= @sources.map { |source| read(source) }.group_by { |template| key(template.transform_keys(&:to_s)) }
      end

      def read(source) = TemplateSource.read(source.is_a?(String) ? Pathname(source) : source)

      def key(template) = [(template["namespace"] || "default").to_s, template["name"].to_s]
    end
  end
end
