# frozen_string_literal: true

module TaskerCore
  # {TaskerCore.logger}, as the library itself writes to it. What the application's logger raises, because its disk is full or its pipe
  # is closed, harms nobody who has something to say; an interrupt that comes meanwhile passes, Timeout's included.
  #
  # @api private
  module Log
    class << self
      def debug(...) = write(:debug, ...)

      def info(...) = write(:info, ...)

      def warn(...) = write(:warn, ...)

      def error(...) = write(:error, ...)

      # @param otherwise [Object] what is returned where the logger's fault is forgotten
      # @param own [Proc, nil] whether an exception that comes out of the block is not the logger's but for the caller
      def unharmed(otherwise = nil, own: nil)
        yield
      rescue StandardError, Java::JavaLang::Throwable => e
        raise if !fault?(e) || own&.call(e)

        otherwise
      end

      # @param message [Object] what is to be logged
      # @return [String] it as UTF-8, which can stand beside any other text; bytes that are none are shown as +\xE9+
      def text(message)
        return "#{message.class}: #{text(message.message)}" if Exception === message

        Native.readable(String === message ? message : message.to_s)
      rescue StandardError => e
        raise unless fault?(e)

        "a message that cannot be read (#{e.class})"
      end

      # @return [Boolean] whether an exception is its raiser's own fault, and no interrupt: those of Timeout are for whoever waits
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
