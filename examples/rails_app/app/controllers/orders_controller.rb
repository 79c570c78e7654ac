# frozen_string_literal: true

# The page. What changes on it comes from the API.
class OrdersController < ActionController::Base
  def index; end
end
