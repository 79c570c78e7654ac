# frozen_string_literal: true

require "pathname"

module TaskerCore
  # The forms in which a template can be given. What a template means is decided by the core.
  #
  # @api private
  module TemplateSource
    class << self
      # @param template [Hash, String, Pathname]
      # @param limits [Hash] of {YamlText.read}
      # @return [Hash]
      def read(template, **limits)
        case template
        when Hash then template
        when Pathname then from_yaml(text_of(template), template.to_s, limits)
        when String then from_yaml(template, nil, limits)
        else Native.refuse_type("template", "a Hash, YAML text or a Pathname", template)
        end
      end

      private

      def text_of(path)
        path.read(encoding: Encoding::UTF_8)
      rescue SystemCallError => e
        Native.refuse("", "cannot read the template: #{e.message}")
      end

      def from_yaml(text, filename, limits)
        refuse_erb(text)
        template = parsed(text, filename, limits)
        return template if template.is_a?(Hash)

        Native.refuse("", "the YAML text is not a mapping of keys; for a file, give its Pathname")
      end

      # In a template it would be text, and nobody would be told.
      def refuse_erb(text)
        return unless text.encoding.ascii_compatible? && text.valid_encoding? && (tag = text.index("<%")) && text.index("%>", tag)

        Native.refuse("", "ERB is not evaluated in a template (#{text[tag, 40].lines.first.strip}): evaluate it before, with ERB.new(text).result")
      end

      def parsed(text, filename, limits)
        require "date" # loaded only here: these two take as long to load as this library
        require_relative "yaml_text"
        begin
          YamlText.read(text, filename: filename, permitted_classes: [Date, Time, Symbol], **limits)
        rescue YamlText::Unusable => e
          Native.refuse(e.path, "cannot read the template: #{e.message}")
        end
      end
    end
  end
end
