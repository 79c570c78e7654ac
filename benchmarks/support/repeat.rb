# frozen_string_literal: true

# An expression in a loop, as a method of its own: two that are compared share no call site, so neither spoils the other's. Not a
# while loop: JRuby 10.1.1 links the i += 1 of one anew at every turn, for good, which takes 100 times as long as a call.
class Repeat
  # Turns of the loop would be most of what is measured, were the thing itself to take nanoseconds.
  UNROLLED = 10

  # @param subject [Object] what the expression calls +it+
  # @param expression [String]
  def initialize(subject, expression)
    @subject = subject
    singleton_class.class_eval <<~RUBY, __FILE__, __LINE__ + 1
      def call(times)
        it = @subject
        (times / UNROLLED).times do
          #{"#{expression}\n" * UNROLLED}
        end
      end
    RUBY
  end
end
