# frozen_string_literal: true

RSpec.describe TaskerCore::Error do
  kinds = {
    TaskNotFoundError: ArgumentError, StepNotFoundError: ArgumentError, TemplateNotFoundError: ArgumentError,
    ValidationError: ArgumentError, IdempotencyConflictError: ArgumentError, ConfigurationError: ArgumentError,
    InvalidTypeError: TypeError, DatabaseError: RuntimeError, StateError: RuntimeError, ClosedError: RuntimeError,
    InternalError: RuntimeError, RetryableError: StandardError, PermanentError: StandardError
  }

  kinds.each do |name, kind|
    it "is in #{name}, which is a #{kind}" do
      expect(TaskerCore.const_get(name).new("message")).to be_a(kind).and be_a(described_class)
    end
  end

  it "is what handlers raise, with what they want to say" do
    expect(TaskerCore::RetryableError.new("m", retry_after: 5, context: { "a" => 1 }))
      .to have_attributes(message: "m", retry_after: 5, context: { "a" => 1 })
    expect(TaskerCore::PermanentError.new("m", error_code: "c", context: { "a" => 1 }))
      .to have_attributes(message: "m", error_code: "c", context: { "a" => 1 })
    expect { raise TaskerCore::RetryableError }.to raise_error(TaskerCore::RetryableError, "TaskerCore::RetryableError")
  end

  it "is not in what interrupts handlers, which no bare rescue takes" do
    expect(TaskerCore::StepInterrupted.ancestors).not_to include(StandardError)
  end
end
