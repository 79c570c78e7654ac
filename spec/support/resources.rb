# frozen_string_literal: true

# What this process holds of the things that leak: threads of the library's, and connections to a database.
module Resources
  # Ours by their names, Java's and Ruby's, and those of the pool and the driver that work for us.
  OURS = /tasker|hikari|\Awire\z/i

  # @return [Array<java.lang.Thread>]
  def self.threads = java.lang.Thread.all_stack_traces.key_set.select { |thread| thread.alive? && OURS.match?(thread.name) }

  # @return [Integer] how many connections of the library's the database of this URL has
  def self.connections(url)
    name = URI(url).path.delete_prefix("/")
    sql = "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '#{name}' AND application_name = 'tasker_core'"
    TestDatabase.execute(sql).first["n"]
  end

  # @return [Integer] how many pools of connections this process has for the database of this URL
  def self.pools(url) = threads.count { |thread| thread.name.end_with?("#{URI(url).path}:housekeeper") }

  # @return [Integer] bytes of the heap that are in use after a collection
  def self.heap
    3.times { java.lang.System.gc }
    Java::JavaLangManagement::ManagementFactory.memory_mx_bean.heap_memory_usage.used
  end
end
