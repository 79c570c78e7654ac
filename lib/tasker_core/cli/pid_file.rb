# frozen_string_literal: true

require "fileutils"

module TaskerCore
  module CLI
    # Holds the process id while the process works.
    #
    # @api private
    class PidFile
      # @param path [String, nil] nil: there is none
      def initialize(path)
        @path = path && File.expand_path(path)
      end

      def hold
        write if @path
        yield
      ensure
        File.delete(@path) if @path && own?
      end

      private

      def write
        FileUtils.mkdir_p(File.dirname(@path))
        File.write(@path, "#{Process.pid}\n")
      end

      # The file may be that of a process that was started in our place meanwhile.
      def own? = File.file?(@path) && File.read(@path).to_i == Process.pid
    end
  end
end
