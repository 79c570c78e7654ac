# frozen_string_literal: true

require_relative "rails_helper"

RSpec.describe TaskerCore::Railtie do
  include Patience

  let(:options) { Rails.application.config.tasker_core }

  describe "configuration" do
    around do |example|
      former = options.to_h
      example.run
    ensure
      options.clear
      options.merge!(former)
    end

    it "is strongest in config.tasker_core, then in environment variables, then in the file" do
      load = -> { TaskerCore::Configuration.load(env: { "TASKER_MAX_PARALLEL_STEPS" => "7", "TASKER_LEASE_MS" => "4000" }) }
      expect(load.call).to include("max_parallel_steps" => 7, "lease_ms" => 4000, "auto_migrate" => true)

      options.max_parallel_steps = 3

      expect(load.call).to include("max_parallel_steps" => 3, "lease_ms" => 4000, "auto_migrate" => true)
    end

    it "has Rails' environment, and its own options not among the core's" do
      expect(TaskerCore::Configuration.load(env: {})).to include("environment" => "development")
      expect(TaskerCore::Configuration.load(env: {})).not_to include("embedded_worker")
    end

    # Its adapters for JDBC are not to be had here; its configuration is its own.
    it "takes ActiveRecord's database where nobody names another" do
      require "active_record"
      database_url = ENV.delete("DATABASE_URL") # which ActiveRecord would take too
      settings = TaskerCore::Rails::Settings.new(Rails.application)
      url = lambda do |configuration|
        ActiveRecord::Base.configurations = { "development" => { "primary" => configuration }, "test" => { "primary" => { "adapter" => "other" } } }
        settings.fallback["database_url"]
      end

      expect(url.call("adapter" => "jdbcpostgresql", "host" => "db", "port" => 5433, "database" => "shop", "username" => "a:b", "password" => "p@ss"))
        .to eq("postgresql://a%3Ab:p%40ss@db:5433/shop")
      expect(url.call("adapter" => "postgresql", "database" => "shop")).to eq("postgresql://localhost:5432/shop")
      expect(url.call("url" => "postgresql://db/shop?sslmode=require")).to eq("postgresql://db:5432/shop?sslmode=require")
      expect(url.call("adapter" => "sqlite3", "database" => "shop")).to be_nil
      expect(url.call("adapter" => "postgresql", "database" => "shop", "host" => "::1")).to eq("postgresql://[::1]:5432/shop")
      expect(url.call("adapter" => "postgresql", "database" => "shop", "host" => "/var/run/postgresql")).to be_nil
      expect(url.call("adapter" => "postgresql", "dbname" => "shop", "hostaddr" => "10.0.0.5", "user" => "ada", "requiressl" => true))
        .to eq("postgresql://ada@10.0.0.5:5432/shop?sslmode=require")
      jdbc = { "adapter" => "jdbcpostgresql", "url" => "jdbc:postgresql://db/shop", "username" => "a b", "password" => "p&+ss" }
      expect(url.call(jdbc)).to eq("jdbc:postgresql://db/shop?user=a%20b&password=p%26%2Bss")
      expect(url.call(jdbc.merge("url" => "jdbc:postgresql://db/shop?ssl=true&user=c"))).to eq("jdbc:postgresql://db/shop?ssl=true&user=c&password=p%26%2Bss")
      ActiveRecord::Base.configurations = { "development" => { "shop" => jdbc.except("username", "password"), "log" => jdbc.merge("url" => "jdbc:postgresql://log/log") } }
      expect(settings.fallback["database_url"]).to eq("jdbc:postgresql://db/shop")
      expect(TaskerCore::Configuration.load(env: { "DATABASE_URL" => "postgres://env/x" })).to include("database_url" => "postgres://env/x")
    ensure
      ENV["DATABASE_URL"] = database_url
    end

    it "takes what config/database.yml leaves open from PostgreSQL's environment variables, as ActiveRecord's adapter does" do
      require "active_record"
      names = { "PGHOST" => "db", "PGPORT" => "5433", "PGUSER" => "ada", "PGPASSWORD" => "p@ss", "PGDATABASE" => "shop", "PGSSLMODE" => "prefer" }
      former = ENV.to_h.slice("DATABASE_URL", *names.keys)
      ENV.delete("DATABASE_URL")
      ENV.update(names)
      url = lambda do |settings|
        ActiveRecord::Base.configurations = { "development" => { "adapter" => "postgresql" }.merge(settings) }
        TaskerCore::Rails::Settings.new(Rails.application).fallback["database_url"]
      end

      expect(url.call({})).to eq("postgresql://ada:p%40ss@db:5433/shop?sslmode=prefer")
      expect(url.call("host" => "other", "port" => 1, "username" => "eve", "password" => nil, "database" => "own", "sslmode" => "disable"))
        .to eq("postgresql://eve@other:1/own?sslmode=disable")
    ensure
      names.each_key { |name| ENV.delete(name) }
      ENV.update(former)
    end

    it "refuses a key that does not exist, and suggests one" do
      options.max_paralel_steps = 3

      expect { TaskerCore.create_coordinator }.to raise_error(TaskerCore::ConfigurationError, /max_paralel_steps.*max_parallel_steps/)
    end
  end

  it "logs where Rails does, unless told otherwise" do
    expect(TaskerCore.logger).to be(Rails.logger)

    TaskerCore.logger = other = Logger.new(IO::NULL)

    expect(TaskerCore.logger).to be(other)
  ensure
    TaskerCore.logger = nil
  end

  describe "the application" do
    it "saves an order and its workflow in one transaction, and shows how far it is" do
      placed = RailsApp.post("/api/orders", customer: "Ada", item: "tea", quantity: 2)
      expect(placed.status).to eq(201)
      order = JSON.parse(placed.body)

      expect(TaskerCore.orchestrate_task(order["task_id"]).status).to eq("complete")

      shown = JSON.parse(RailsApp.get("/api/orders/#{order['id']}").body)
      expect(shown).to include("state" => "finished", "workflow" => include("status" => "complete", "percentage" => 100.0))
      expect(shown["workflow"]["steps"].to_h { |step| step.values_at("name", "attempts") }).to include("charge" => 2, "ship" => 1)
    end

    it "saves neither when the workflow is refused" do
      orders = -> { Shop.database[:orders].count }
      tasks = -> { TaskerCore.list_tasks(limit: 1000)["tasks"].size }
      before = [orders.call, tasks.call]

      refused = RailsApp.post("/api/orders", customer: "Ada", item: "tea", quantity: 1000)

      expect([refused.status, JSON.parse(refused.body)["error"]]).to match([422, /payload.quantity/])
      expect([orders.call, tasks.call]).to eq(before)
    end

    it "answers what is no number" do
      refused = RailsApp.post("/api/orders", customer: "Ada", item: "tea", quantity: "abc")
      expect([refused.status, JSON.parse(refused.body)["error"]]).to match([422, /quantity/])
      expect(RailsApp.get("/api/orders/abc").status).to eq(404)
    end

    it "tells that the database is away, also before it was there" do
      allow(TaskerCore).to receive(:health).and_raise(TaskerCore::DatabaseError, "no way to it")
      answer = RailsApp.get("/api/health")

      expect([answer.status, JSON.parse(answer.body)]).to eq([503, { "status" => "down", "reasons" => ["no way to it"] }])
    end

    it "has a page, and tells its health" do
      expect(RailsApp.get("/").body).to include("The shop")
      expect(JSON.parse(RailsApp.get("/api/health").body)).to include("status" => "ok")
    end
  end

  describe "handlers" do
    let(:task) { { namespace: "shop", task_name: "place_order", payload: { order_id: 0, customer: "Eve", item: "cake", quantity: 1 } } }

    def run_ship
      placed = JSON.parse(RailsApp.post("/api/orders", customer: "Ada", item: "cake").body)
      TaskerCore.orchestrate_task(placed["task_id"])
      TaskerCore.task_context(placed["task_id"])["steps"].find { |step| step["name"] == "ship" }["result"]
    end

    it "run as their code is now, without a request in between" do
      changed = <<~RUBY
        class PlaceOrder::Ship < TaskerCore::StepHandler
          def call(_context) = { "parcel" => "changed" }
        end
      RUBY

      expect(run_ship["parcel"]).to start_with("P-")
      RailsApp.with_file("app/handlers/place_order/ship.rb", changed) { expect(run_ship).to eq("parcel" => "changed") }
      expect(run_ship["parcel"]).to start_with("P-")
    end

    it "run inside the executor, and their threads wait outside of it" do
      seen = Queue.new
      began = Queue.new
      hook = Class.new do
        define_method(:run) { began << Thread.current.name }
        define_method(:complete) { |_| seen << Thread.current.name }
      end
      Rails.application.executor.register_hook(hook.new)
      inside = nil
      TaskerCore.register_handler("rails.inside") { |_| inside = [Rails.application.executor.active?, began.size - seen.size] and {} }
      TaskerCore.register_template(name: "inside", version: "1.0.0", steps: [{ name: "a", handler: "rails.inside" }])

      TaskerCore.handle_task(task_name: "inside")

      expect(inside.first).to be(true)
      expect(eventually { seen.size == began.size }).to be(true)
      expect(Array.new(seen.size) { seen.pop }).to include(start_with("tasker-handler"))
      expect(Thread.list.map { |thread| thread.name.to_s }).to include(start_with("tasker-handler"))
    end

    it "hand what they raise to what is around them, once" do
      reported = []
      reporter = Rails.error if Rails.respond_to?(:error) # from Rails 7 on
      subscriber = Class.new { define_method(:report) { |error, **| reported << error.message } }.new
      reporter&.subscribe(subscriber)
      TaskerCore.register_handler("rails.failing") { |_| raise TaskerCore::PermanentError, "not today" }
      TaskerCore.register_template(name: "failing", version: "1.0.0", steps: [{ name: "a", handler: "rails.failing" }])

      run = TaskerCore.handle_task(task_name: "failing")

      expect(run.status).to eq("error")
      expect(TaskerCore.task_context(TaskerCore.list_tasks(name: "failing")["tasks"].first["task_id"])["steps"].first["error"])
        .to include("class" => "TaskerCore::PermanentError", "message" => "not today")
      expect(reported).to eq(reporter ? ["not today"] : [])
    ensure
      reporter&.unsubscribe(subscriber)
    end
  end

  describe "templates" do
    def workflow(steps) = "name: of_the_day\nversion: 1.0.0\nsteps:\n#{steps.map { |step| "  - { name: #{step}, handler: PlaceOrder::Notify }\n" }.join}"

    it "in config/tasks are registered, and again when they change" do
      RailsApp.with_file("config/tasks/more/of_the_day.yml", workflow(%w[a])) do
        RailsApp.get("/api/health")
        expect(TaskerCore.initialize_task(task_name: "of_the_day").step_count).to eq(1)

        RailsApp.with_file("config/tasks/more/of_the_day.yml", workflow(%w[a b])) do
          RailsApp.get("/api/health")
          expect(TaskerCore.initialize_task(task_name: "of_the_day").step_count).to eq(2)
        end
      end
    end

    it "are registered as soon as the database is back that was away when they changed" do
      coordinator = TaskerCore.coordinator
      RailsApp.with_file("config/tasks/more/of_the_day.yml", workflow(%w[a b c])) do
        away = instance_double(TaskerCore::Coordinator)
        allow(away).to receive(:register_template).and_raise(TaskerCore::DatabaseError, "the database is away")
        allow(TaskerCore).to receive(:open_coordinator).and_return(away, coordinator)
        2.times { RailsApp.app.reloader.wrap {} }

        expect(coordinator.initialize_task(task_name: "of_the_day").step_count).to eq(3)
        expect(TaskerCore).to have_received(:open_coordinator).twice
        RailsApp.app.reloader.wrap {}
        expect(TaskerCore).to have_received(:open_coordinator).twice
      end
    end

    it "that are wrong are logged while the application runs, and keep a coordinator from being made" do
      TaskerCore.coordinator
      RailsApp.with_file("config/tasks/wrong.yml", "name: wrong\nversion: 1.0.0\nsteps: []\n") do
        expect(RailsApp.get("/api/health").status).to eq(200)
        TaskerCore.close
        expect { TaskerCore.coordinator }.to raise_error(TaskerCore::Error, /wrong.yml: .*steps/)
        expect(RailsApp.get("/api/health").status).to eq(503)
      end
      expect(TaskerCore.coordinator).not_to be_closed
    end
  end

  describe "the embedded worker" do
    it "begins again after whatever kept it from beginning" do
      stub_const("TaskerCore::Rails::EmbeddedWorker::PAUSE", 0.01)
      worker = instance_double(TaskerCore::Worker, stop: nil)
      troubles = [KeyError.new("key not found"), NotImplementedError.new("not yet")]
      allow(TaskerCore).to receive(:start_worker) { troubles.empty? ? worker : raise(troubles.shift) }
      allow(TaskerCore.logger).to receive(:error)

      embedded = TaskerCore::Rails::EmbeddedWorker.new
      expect(eventually { troubles.empty? }).to be(true)
      expect(eventually { embedded.instance_variable_get(:@worker) }).to be(worker)
      embedded.stop

      expect(TaskerCore.logger).to have_received(:error).with(/not work in this process yet: KeyError: key not found/).once
      expect(worker).to have_received(:stop)
    end

    it "works until it is stopped" do
      TaskerCore::Rails::EmbeddedWorker.start
      order = JSON.parse(RailsApp.post("/api/orders", customer: "Ada", item: "coffee").body)

      expect(eventually { Order.find(order["id"]).state == "finished" }).to be(true)

      TaskerCore::Rails::EmbeddedWorker.stop
      late = TaskerCore.initialize_task(task_name: "place_order", namespace: "shop", payload: { order_id: order["id"], customer: "a", item: "b", quantity: 1 })
      expect(TaskerCore.task_context(late.task_id).status).to eq("pending")
    end
  end

  describe "the generator of workflows" do
    before { require "rails/generators" }

    it "makes what runs at once, under the namespace that the folder says" do
      files = RailsApp.generate("billing/close_month", "sum", "report:sum", "mail:sum,report")
      expect(files).to match_array(
        %w[config/tasks/billing/close_month.yml spec/workflows/billing/close_month_spec.rb] +
          %w[sum report mail].flat_map do |step|
            ["app/handlers/billing/close_month/#{step}.rb", "spec/handlers/billing/close_month/#{step}_spec.rb"]
          end
      )
      RailsApp.get("/api/health")

      run = TaskerCore.handle_task(namespace: "billing", task_name: "close_month", payload: { month: 5 })

      expect(run).to include("status" => "complete", "total_steps" => 3)
      results = TaskerCore.list_tasks(namespace: "billing")["tasks"].map { |task| TaskerCore.task_context(task["task_id"])["steps"] }.first
      expect(results.to_h { |step| step.values_at("name", "result") })
        .to eq("sum" => { "received" => ["month"] }, "report" => { "after" => ["sum"] }, "mail" => { "after" => %w[sum report] })
    ensure
      RailsApp.remove(files.to_a)
    end

    it "writes for the test framework that is asked for, then RSpec where it is set up, then the application's" do
      kind = lambda do |test_framework|
        files = RailsApp.generate("kinds", "one", test_framework: test_framework)
        files.grep(/_(spec|test)\.rb\z/).map { |file| file[/\A\w+/] }.uniq
      ensure
        RailsApp.remove(files.to_a)
      end

      expect([:rspec, :test_unit, nil, "rspec", "test_unit"].map(&kind)).to eq([%w[spec], %w[test], %w[test], %w[spec], %w[test]])
      RailsApp.with_file("spec/spec_helper.rb", "") do
        expect([:rspec, :test_unit, nil, "rspec", "test_unit"].map(&kind)).to eq([%w[spec], %w[spec], %w[spec], %w[spec], %w[test]])
      end
    end

    it "makes names that YAML would take for something else" do
      files = RailsApp.generate("no/yes", "on", "off:on", "null:on,off", "true")
      RailsApp.get("/api/health")

      expect(TaskerCore.handle_task(namespace: "no", task_name: "yes")).to include("status" => "complete", "total_steps" => 4)
    ensure
      RailsApp.remove(files.to_a)
    end

    it "refuses what is no workflow, before it writes a file" do
      { %w[sum report:total] => /report comes after total, which is no step/, %w[sum sum] => /sum is given twice/,
        %w[Sum] => /Sum is no step/, %w[a:b:c] => /a:b:c is no step/, [":"] => /: is no step/, [""] => /an empty name is no step/,
        %w[a:b b:c c:a d:a] => /each other: (?=.*a)(?=.*b)(?=.*c)[abc, ]+\z/, %w[a b:b] => /each other: b\z/ }.each do |steps, message|
        expect { RailsApp.generate("wrong", *steps) }.to raise_error(Thor::Error, message)
      end
      { "2wrong" => /2wrong would make handlers in 2wrong/, "wrong.order" => /Wrong\.order, which is no name/ }.each do |name, message|
        expect { RailsApp.generate(name, "sum") }.to raise_error(Thor::Error, message)
      end
      expect(Dir["#{RailsApp::FOLDER}/**/*wrong*"]).to be_empty
    end
  end
end
