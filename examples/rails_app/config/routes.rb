# frozen_string_literal: true

Rails.application.routes.draw do
  root "orders#index"

  namespace :api do
    resources :orders, only: %i[index show create]
    get "health", to: "health#show"
  end
end
