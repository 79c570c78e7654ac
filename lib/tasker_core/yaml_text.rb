# frozen_string_literal: true

require "yaml"

module TaskerCore
  # YAML text with one document, within a size and a depth that the parser handles safely. Loaded with the first text.
  #
  # @api private
  module YamlText
    # The longest text that is read. A template with a thousand steps takes a fifth of this.
    MAX_BYTES = 1 << 20

    # The same depth as that of values that cross to the core.
    MAX_DEPTH = 100

    # What is wrong with a text.
    class Unusable < StandardError
      # @return [String] where it is wrong: the keys that lead there, empty for the whole text
      attr_reader :path

      def initialize(message, path = "")
        super(message)
        @path = path
      end
    end

    # Builds the tree while the parser runs, and stops if it gets too deep: later stages recurse.
    class Tree < Psych::TreeBuilder
      # @return [Psych::Nodes::Stream]
      def self.of(text, filename, max_depth)
        tree = new(max_depth)
        parser = Psych::Parser.new(tree)
        tree.parser = parser
        parser.parse(text, filename || "template")
        tree.root
      end

      attr_writer :parser

      def initialize(max_depth)
        super()
        @max_depth = max_depth
        @open = []
      end

      def start_mapping(*) = deeper(super)

      def start_sequence(*) = deeper(super)

      def end_mapping
        @open.pop
        super
      end

      def end_sequence
        @open.pop
        super
      end

      private

      def deeper(node)
        @open << node
        return node if @open.size <= @max_depth

        raise Unusable.new("line #{@parser.mark.line + 1} is nested deeper than #{@max_depth} levels: flatten it", path)
      end

      # The keys that lead to what is too deep; only as many as show the place.
      def path
        @open.first(8).each_cons(2).reduce("") do |path, (outer, inner)|
          index = outer.children.index { |child| child.equal?(inner) }
          next "#{path}[#{index}]" if outer.is_a?(Psych::Nodes::Sequence)

          key = outer.children[index - 1]
          name = key.respond_to?(:value) ? key.value[0, 60] : "?"
          path.empty? ? name : "#{path}.#{name}"
        end
      end
    end

    class << self
      # @param text [String]
      # @param filename [String, nil] for messages
      # @param one [String] what the text should hold one of
      # @param max_bytes [Integer]
      # @param max_depth [Integer]
      # @param options [Hash] of YAML.safe_load
      # @return [Object]
      # @raise [Unusable]
      def read(text, filename: nil, one: "template", max_bytes: MAX_BYTES, max_depth: MAX_DEPTH, **options)
        raise Unusable, "the text has #{text.bytesize} bytes, more than the #{max_bytes} allowed" if text.bytesize > max_bytes

        refuse_bad_nodes(parsed(text, filename, max_depth), one)
        YAML.safe_load(text, aliases: true, filename: filename, **options)
      rescue Psych::Exception, ::Java::JavaLang::StackOverflowError, ::Java::JavaLang::RuntimeException => e
        raise Unusable, e.message
      end

      private

      def parsed(text, filename, max_depth) = Tree.of(text, filename, max_depth)

      def refuse_bad_nodes(stream, one)
        documents = stream.children
        raise Unusable, several(documents, one) if documents.size > 1

        repeated = repeated_key(documents.first)
        raise Unusable, "the key #{repeated.value} is given twice, again in line #{repeated.start_line + 1}" if repeated
      end

      # YAML itself reads the first document, and silently drops the others.
      def several(documents, one)
        "the text holds #{documents.size} YAML documents, the second from line #{documents[1].start_line + 1}: " \
          "give one #{one} at a time, or a file for each"
      end

      # YAML itself silently lets the last key win.
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
