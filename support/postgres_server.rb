# frozen_string_literal: true

# postgres_server.rb VERSION FILE: a server for bin/test. It runs until its standard input is closed, that is until
# bin/test has ended, in whatever way. FILE holds the server's URL while it runs. Its data is for tests only, so commits
# do not wait for the disk.

require_relative "embedded_postgres"

version, file = ARGV
trap("INT", "IGNORE") # bin/test also gets the signal, and closes our standard input
server = EmbeddedPostgres.start(version: version, durable: false)
begin
  File.write("#{file}.new", server.url)
  File.rename("#{file}.new", file)
  $stdin.read
ensure
  server.stop
  FileUtils.rm_f(file)
end
