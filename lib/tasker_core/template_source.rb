# frozen_string_literal: true

require "pathname"

module TaskerCore
  # The forms in which a template can be given. What it says is the core's business.
  #
  # @api private
  module TemplateSource
    class << self
      # @return [Hash]
      def read(template)
        case template
        when Hash then template
        when Pathname then from_yaml(text_of(template), template.to_s)
        when String then from_yaml(template, nil)
        else Native.refuse_type("template", "a Hash, YAML text or a Pathname", template)
        end
      end

      private

      def text_of(path)
        path.read(encoding: Encoding::UTF_8)
      rescue SystemCallError => e
        Native.refuse("", "cannot read the template: #{e.message}")
      end

      def from_yaml(text, filename)
        require "date" # these two here, for loading them takes as long as loading this library
        require "yaml"
        mapping_in(text, filename)
      end

      def mapping_in(text, filename)
        document = only_document(YAML.parse_stream(text, filename: filename))
        repeated = repeated_key(document)
        Native.refuse("", "the key #{repeated.value} is given twice, again in line #{repeated.start_line + 1}") if repeated
        template = YAML.safe_load(text, permitted_classes: [Date, Time, Symbol], aliases: true, filename: filename)
        return template if template.is_a?(Hash)

        Native.refuse("", "the YAML text is not a mapping of keys; for a file, give its Pathname")
      rescue Psych::Exception => e
        Native.refuse("", "cannot read the template: #{e.message}")
      end

      # YAML itself reads the first one, and drops the others silently.
      def only_document(stream)
        documents = stream.children
        return documents.first if documents.size < 2

        Native.refuse("", "the text holds #{documents.size} YAML documents, the second from line #{documents[1].start_line + 1}: " \
                          "give one template at a time, or a file for each")
      end

      # YAML itself lets the last one win, silently.
      def repeated_key(document)
        mappings = document ? document.grep(Psych::Nodes::Mapping) : []
        mappings.lazy.filter_map do |mapping|
          keys = mapping.children.each_slice(2).map(&:first).grep(Psych::Nodes::Scalar)
          keys.group_by(&:value).except("<<").values.find { |same| same.size > 1 }&.last
        end.first
      end
    end
  end
end
