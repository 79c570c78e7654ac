# frozen_string_literal: true

module TaskerCore
  # How the library itself writes to {TaskerCore.logger}. If the application's logger raises, because its disk is full
  # or its pipe is closed, that harms nobody who logs. An interrupt that comes meanwhile passes, including Timeout's.
  #
  # @api private
  module Log
    class << self
      def debug(...) = write(:debug, ...)

      def info(...) = write(:info, ...)

      def warn(...) = write(:warn, ...)

      def error(...) = write(:error, ...)

      # @param otherwise [Object] what is returned if the logger failed
      # @param own [Proc, nil] whether an exception that comes out of the block is not the logger's, but meant for the
      #   caller
      def unharmed(otherwise = nil, own: nil)
        yield
      rescue StandardError, Java::JavaLang::Throwable => e
        raise if !fault?(e) || own&.call(e)

        otherwise
      end

      # @param message [Object] what to log
      # @return [String] the message as UTF-8, which can stand beside any other text; invalid bytes are shown as +\xE9+
      def text(message)
        return "#{message.class}: #{text(message.message)}" if Exception === message

        Native.readable(String === message ? message : message.to_s)
      rescue StandardError => e
        raise unless fault?(e)

        "a message that cannot be read (#{e.class})"
      end

      # @return [Boolean] whether an exception is a fault of the code that raised it, and no interrupt; Timeout's are
      #   for the code that waits
      def fault?(error)
        return true if Java::JavaLang::Throwable === error

        StandardError === error && error.class.ancestors.none? { |type| type.name == "Timeout::Error" }
      end

      private

      def write(level, message = nil, &block)
        unharmed { TaskerCore.logger.public_send(level, message, &block) }
      end
    end
  end
end
