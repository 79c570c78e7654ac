# frozen_string_literal: true

require_relative "support/example_app"

# docs/rails.md, "Five minutes", from `rails new` on. Commands run in order, each in a process, as a reader's would.
RSpec.describe "A fresh Rails application" do
  before(:all) do
    @url = TestDatabase.create
    @parent = Dir.mktmpdir("tasker_fresh")
    @env = { "DATABASE_URL" => @url, "RAILS_ENV" => nil, "NIO4R_PURE" => "true", "GEM_PATH" => ENV.fetch("GEM_PATH", nil) }
    # On JRuby Rails 6.1 runs tests in threads, and has the classic autoloader, which makes a module of a folder anew for each of two
    # threads that ask for it at once, and loses what one of them has loaded.
    @env["PARALLEL_WORKERS"] = "1"
  end

  after(:all) do
    TestDatabase.drop(@url)
    FileUtils.rm_rf(@parent)
  end

  let(:folder) { File.join(@parent, "shop") }

  # The shell blocks of that chapter, which are what runs here.
  let(:commands) do
    chapter = File.read(File.join(ExampleApp::ROOT, "docs/rails.md"))[/^## Five minutes$.*?(?=^## )/m]
    chapter.scan(/^```sh\n(.*?)^```/m).join.lines.map(&:strip).grep_v(/\A(#|\z)/)
  end

  # Where a command of the documentation is found without a shell's path and an installed gem.
  def run(command)
    words = command.shellsplit
    case words
    in ["rails", /\A_[\d.]+_\z/, "new", *rest] # of the version that these specs run on
      ExampleApp.run(@parent, ExampleApp.executable("railties", "rails"), "new", *rest, "--skip-bundle", *without_listen, env: @env)
    in ["bundle", "add", *] then write_gemfile
    in ["bin/rails", *] then ExampleApp.run(folder, *words, env: @env)
    in ["cd", *] | ["export", *] then ""
    in ["bundle", "exec", "tasker", *rest] then work(rest)
    end
  end

  # Rails 6.1 would watch files with a gem that is not among those of these specs.
  def without_listen = Gem::Specification.find_by_name("railties").version < Gem::Version.new("7") ? ["--skip-listen"] : []

  # With those of its gems that are to be had wherever these specs run.
  def write_gemfile
    File.write(File.join(folder, "Gemfile"), <<~RUBY)
      gem "railties"
      gem "activemodel"
      gem "activejob"
      gem "puma"
      gem "logger"
      gem "tasker_core", path: #{ExampleApp::ROOT.inspect}
    RUBY
    ""
  end

  # Until there is nothing left to do, as nobody presses a key here.
  def work(arguments)
    log = File.join(@parent, "worker")
    pid = ExampleApp.spawn(folder, "#{ExampleApp::ROOT}/exe/tasker", *arguments, env: @env, out: log)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 300
    sleep 0.2 until TestDatabase.execute("SELECT 1 FROM tasker.tasks WHERE state <> 'complete'", url: @url).empty? ||
                    Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    Process.kill("TERM", pid)
    expect(Process.wait2(pid).last.exitstatus).to eq(0), File.read(log)
    File.read(log)
  end

  it "runs its first workflow, its tests and its worker, as the documentation says" do
    printed = commands.to_h { |command| [command, run(command)] }

    expect(printed.keys.map { |command| command.split.first(2).join(" ") })
      .to include(start_with("rails _7"), "bin/rails generate", "bin/rails tasker_core:migrate", "bin/rails runner", "bin/rails test", "bundle exec")
    expect(printed.find { |command, _| command.start_with?("bin/rails test") }.last).to match(/[1-9] runs, [1-9]\d* assertions, 0 failures, 0 errors/)
    tasks = TestDatabase.execute("SELECT name, state FROM tasker.tasks", url: @url)
    expect(tasks).to include("name" => "process_order", "state" => "complete")
    expect(Dir.chdir(folder) { Dir["{config/tasks,app/handlers}/**/*.{yml,rb}"] })
      .to include("config/tasks/greeting.yml", "config/tasks/process_order.yml", "app/handlers/process_order/charge.rb")
  end
end
