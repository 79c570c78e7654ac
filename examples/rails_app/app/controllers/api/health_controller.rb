# frozen_string_literal: true

# For a load balancer.
class Api::HealthController < ActionController::API
  def show
    health = TaskerCore.health
    render json: health.to_h, status: health["status"] == "down" ? :service_unavailable : :ok
  end
end
